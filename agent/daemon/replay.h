// A capture run through the same analysis as live: the same alerts, ids included.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "agent/config/config.h"
#include "agent/daemon/rule_source.h"

namespace tensorwarden {

// Delivers the capture's alerts to the config's outputs. A torn tail and a config or rules other than those recorded
// are said on stderr. Errors: the capture's, with its path.
absl::Status Replay(const std::string& path, const AgentConfig& config, LoadedRules rules);

}  // namespace tensorwarden
