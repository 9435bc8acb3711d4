// Fills an alert with what an enriched event knows: actor, asset, destination, evidence.
#pragma once

#include <functional>
#include <string>

#include "agent/alert/alert.h"
#include "agent/enrich/enriched_event.h"

namespace tensorwarden {

// Name of a user id, "" when it has none. A replay must give what live gave, so it may only read what never changes
// between the two; the default knows no names.
using UserNames = std::function<std::string(uint32_t uid)>;

// Everything but id, activity, updates and destination_first_seen_ns.
Alert DescribeDetection(const Detection& detection, const EnrichedEvent& event, const UserNames& user_names);

// The socket of an event that has one.
const SocketTuple* SocketOf(const EventBody& body);

}  // namespace tensorwarden
