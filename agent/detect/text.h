// Words of evidence sentences.
#pragma once

#include <cstdint>
#include <string>

#include "agent/enrich/enriched_event.h"

namespace tensorwarden {

std::string BytesText(uint64_t bytes);              // "1.2 MiB"
std::string ShareText(double share);                // of 1: "1.9 %"
std::string StageText(double share);                // of a ladder: "10%"
std::string ActorText(const EnrichedEvent& event);  // "curl (pid 123)", "an unknown process"
std::string KeyText(const ProcessKey& process);     // "123.4567": stable within one boot
// Name of a file for people: the last component of its path with the name of its set, as far as each is known.
std::string AssetText(const AssetInfo& asset);
std::string LabelText(const EnrichedEvent& event);

// The job that the event's process belongs to; the process itself when nothing more is known.
ProcessKey TreeOf(const EnrichedEvent& event);

}  // namespace tensorwarden
