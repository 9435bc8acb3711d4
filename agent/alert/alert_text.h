// What an alert says in words: its summary, and an exception for the rule file.
#pragma once

#include <string>

#include "agent/alert/alert.h"
#include "agent/enrich/enriched_event.h"

namespace tensorwarden {

// One sentence, from what `alert` already holds and the finding, if there is one; at most 512 bytes.
std::string Summary(const Alert& alert, const Finding* finding);

// A rule-file item that keeps this rule from matching the same again: by executable, asset and destination, or by
// client. "" when the event has nothing to tell it by, or only in bytes that cannot be written in a condition.
std::string ExceptionYaml(const std::string& rule, const EnrichedEvent& event);

// "64.0 MiB", "12 bytes".
std::string HumanBytes(double bytes);

}  // namespace tensorwarden
