// System-call hooks, attached while they are worth their tax.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <thread>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/loader.h"

namespace tensorwarden {

class Escalation {
 public:
  // `permanent`: nothing else sees reads on this kernel, so the hooks stay.
  Escalation(LoadedProbes& probes, absl::Duration hold, bool permanent)
      : probes_(probes), hold_ns_(static_cast<uint64_t>(absl::ToInt64Nanoseconds(hold))), permanent_(permanent) {}
  ~Escalation();

  // Attaches within about 0.2 ms, or prolongs the hold. Errors: the kernel's; FailedPrecondition when no such hook
  // loaded.
  absl::Status Raise(uint64_t now_ns, const char* why);
  bool Active() const { return !links_.empty(); }
  // Lets go after the hold without a reason. Detaching waits for a grace period of the kernel, so a thread does it.
  void Tick(uint64_t now_ns, bool has_reason);

  // Appends a ProbeState per change since the last call.
  void TakeChanges(std::vector<Event>& events);

 private:
  void Report(uint64_t now_ns, const char* program, std::string why);
  void Release();

  LoadedProbes& probes_;
  uint64_t hold_ns_;
  bool permanent_;
  uint64_t last_reason_ns_ = 0;
  std::vector<Link> links_;
  std::thread detacher_;
  std::vector<Event> changes_;
};

}  // namespace tensorwarden
