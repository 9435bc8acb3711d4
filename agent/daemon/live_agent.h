// The agent in the foreground: sensor, pipeline and sinks wired together, one thread, one epoll loop.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>

#include "agent/config/config.h"
#include "agent/daemon/rule_source.h"

namespace tensorwarden {

struct LiveOptions {
  absl::Duration duration = absl::InfiniteDuration();
  std::string record_path;  // capture of every event; "" none
  std::string stats_path;   // counters as one JSON object, every ten seconds and at the end; "" none
  std::function<absl::StatusOr<LoadedRules>()> load_rules;  // for a reload; runs on a thread of its own
  int hold_escalation = 0;  // keep the system-call hooks attached, at this stage at most (benchmarks)
};

class LiveAgent {
 public:
  // Starts the sensor and takes in what exists already. Errors: FailedPrecondition when the kernel or the privileges
  // do not allow a sensor; the sinks', the capture's and the state's own, each with its path.
  static absl::StatusOr<std::unique_ptr<LiveAgent>> Create(AgentConfig config, LoadedRules rules, LiveOptions options);
  virtual ~LiveAgent() = default;  // detaches every probe

  // Runs until SIGTERM, SIGINT or the duration's end; then saves the state. SIGHUP reloads the rules. Says `ready` on
  // stderr when it sees.
  virtual absl::Status Run() = 0;
};

}  // namespace tensorwarden
