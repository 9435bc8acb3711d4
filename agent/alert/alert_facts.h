// Fills an alert with what an enriched event knows: actor, asset, destination, evidence.
#pragma once

#include <string>

#include "agent/alert/alert.h"
#include "agent/enrich/enriched_event.h"

namespace tensorwarden {

// Everything but id, activity, updates and destination_first_seen_ns.
Alert DescribeDetection(const Detection& detection, const EnrichedEvent& event);

// The socket of an event that has one.
const SocketTuple* SocketOf(const EventBody& body);

}  // namespace tensorwarden
