// Memory and rings of io_uring that carriers share with other processes: walked when a carrier becomes one or holds
// more.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>

#include "agent/event/event.h"
#include "agent/sensor/loader.h"

namespace tensorwarden {

// Labels that a walk moves come as label records of the kernel, like all others. A volume is told each time that it has
// doubled, so carriers that share something are walked again after a second, then ever more seldom.
class Shares {
 public:
  explicit Shares(LoadedProbes& probes) : probes_(probes) {}

  // Takes note of who gained labels, or marked memory.
  void Take(const Event& event);
  // Walks those that are due; at most a bounded number a call, the rest waits for the next.
  void Run(uint64_t now_ns);
  bool Waiting() const { return !queue_.empty(); }
  // Once a second: queues again who shares something, and forgets who has ended.
  void Tick();

 private:
  struct Sharer {
    uint64_t twins_looked_ns = 0;  // 0: never
    int gap_ticks = 1;             // until the next walk without a reason
    int ticks_left = 1;
    bool shares = false;
    bool queued = false;
  };
  void Queue(const ProcessKey& process);
  void Walk(const ProcessKey& process, Sharer& sharer, uint64_t now_ns);

  LoadedProbes& probes_;
  absl::flat_hash_map<ProcessKey, Sharer> sharers_;
  std::deque<ProcessKey> queue_;
};

}  // namespace tensorwarden
