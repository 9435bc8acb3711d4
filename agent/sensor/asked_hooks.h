// Hooks that stand while somebody asks for them: those of opens and DNS queries while a rule does, that of DNS queries
// while an escalation lasts as well.
#pragma once

#include <absl/status/status.h>

#include <vector>

#include "agent/sensor/loader.h"

namespace tensorwarden {

// For the event thread alone: nothing lies between a change and the events after it.
class AskedHooks {
 public:
  explicit AskedHooks(const LoadedProbes& probes) : probes_(probes) {}

  // Attaches what is asked for and lets go of the rest: some ten milliseconds where that is a system-call hook, less
  // than one else. Errors: the kernel's; then everything stands as before.
  absl::Status Ask(const SensorDemand& demand);
  absl::Status FollowEscalation(bool active);

  // Whether the hooks of this occasion are attached.
  bool Stand(When when) const;

 private:
  using Links = std::vector<Link>;

  absl::Status Set(When when, bool wanted, Links& links);

  const LoadedProbes& probes_;
  SensorDemand demand_;
  bool escalated_ = false;
  Links opens_;
  Links dns_;
};

}  // namespace tensorwarden
