// System-call hooks, attached while they are worth their tax.
#pragma once

#include <absl/status/status.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/loader.h"
#include "agent/sensor/probe_table.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

// Two stages: one hook for all calls stands within 0.2 ms; hooks at the listed calls alone take its place when they
// stand, some 20 ms later. Attaching those and letting go of any takes long, so a thread does both. Calls of 32-bit
// programs show to the first stage only: once one of them mattered, it stays, or comes back, until the end.
class Escalation {
 public:
  // `permanent`: nothing else sees reads on this kernel, so the hooks stay.
  Escalation(const LoadedProbes& probes, const SensorConfig& config, bool permanent);
  ~Escalation();

  // Attaches the first stage, or prolongs the hold. Errors: the kernel's; FailedPrecondition when no such hook loaded.
  absl::Status Raise(uint64_t now_ns, const char* why);
  bool Active() const { return Stage() > 0; }
  int Stage() const;  // 0: nothing is attached
  // Lets go after the hold without a reason.
  void Tick(uint64_t now_ns, bool has_reason);

  // Appends a ProbeState per change since the last call.
  void TakeChanges(std::vector<Event>& events);

 private:
  using Links = std::vector<Link>;

  void Report(const char* program, std::string why);
  void SetListed(bool on) const;
  void Post(std::function<void()> job);
  void Work();
  void AttachSecond(uint64_t generation);
  bool SawCompatCall() const;
  void ReturnToFirst(std::unique_lock<std::mutex>& lock);

  const LoadedProbes& probes_;
  const uint64_t hold_ns_;
  const int stages_;
  const bool permanent_;
  uint64_t last_reason_ns_ = 0;  // of the event thread alone, as all calls from outside

  mutable std::mutex mutex_;  // of all below
  std::condition_variable wake_;
  bool returns_ = true;      // false: the first stage could not be attached again
  uint64_t generation_ = 0;  // counts escalations: a second stage that comes too late is let go
  Links lasting_;            // from the first moment to the last
  Links first_;
  Links second_;
  std::vector<Event> changes_;
  std::deque<std::function<void()>> jobs_;
  bool ends_ = false;
  std::thread worker_;  // last: it uses all of the above
};

}  // namespace tensorwarden
