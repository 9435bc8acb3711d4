// A capture run through the same analysis as live: the same alerts, ids included.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "agent/config/config.h"
#include "agent/daemon/replay_window.h"
#include "agent/daemon/rule_source.h"

namespace tensorwarden {

struct ReplayOptions {
  // Events before the window are analysed too, silently, so that the alerts within are those of the whole replay.
  ReplayLimits limits;
  bool skip = false;      // of what lies before the window, only the start-up is analysed; the rest is not even read
  double speed = 0;       // 1: as recorded, 10: ten times as fast; 0: as fast as it goes. Before the window it is 0.
  bool terminal = false;  // stderr is one: show the progress
  bool verbose = false;   // a closing line
};

// Delivers the capture's alerts to the config's outputs. A torn tail and a config or rules other than those recorded
// are said on stderr. Errors: the capture's, with its path; FailedPrecondition when it cannot be searched (skip).
absl::Status Replay(const std::string& path, const AgentConfig& config, LoadedRules rules,
                    const ReplayOptions& options);

}  // namespace tensorwarden
