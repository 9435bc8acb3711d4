// Alerts as JSON: ours (docs/events.md, docs/alert.schema.json) and Falco's, which falcosidekick takes.
#pragma once

#include <string>

#include "agent/alert/alert.h"

namespace tensorwarden {

std::string EncodeOwnJson(const Alert& alert);
std::string EncodeFalcoJson(const Alert& alert);

// "2026-01-02T03:04:05.123456789Z".
std::string Rfc3339(int64_t realtime_ns);

}  // namespace tensorwarden
