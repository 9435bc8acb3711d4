// What the agent finds out about the host by looking, where no hook tells it: clock steps and new BPF programs.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/event/event.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

// Cheap enough for every second. The events' process is not known; a BPF program that comes and goes between two looks
// is not seen.
class HostWatch {
 public:
  // Which of the two no hook tells: true looks for it.
  HostWatch(bool clock, bool programs);
  // What the table of probes tells of these two.
  void Fill(ProbeRow& row) const;
  // HostChange events of what changed since the last look.
  void Look(std::vector<Event>& events);

 private:
  void Arm();
  void LookAtClock(std::vector<Event>& events);
  void LookAtPrograms(std::vector<Event>& events);

  UniqueFd clock_;  // a timer that a step of the clock cancels; none: not looked at
  int64_t offset_ns_ = 0;
  bool programs_;
  uint32_t last_program_ = 0;  // ids only grow
};

}  // namespace tensorwarden
