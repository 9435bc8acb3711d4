// Exact start times. /proc tells them in clock ticks, events from fanotify not at all.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <optional>

#include "agent/event/event.h"

namespace tensorwarden {

// Start of a process in clock ticks since boot, out of the text of /proc/PID/stat; nothing when it is malformed.
std::optional<uint64_t> StartTicks(std::string_view stat);

// True while the process that started then, to the clock tick, is there and is no zombie.
bool IsAlive(const ProcessKey& process);

// Who has which pid, learned from the kernel's own records; ended processes stay known for a while, because fanotify
// tells of them late. At most 65 536 entries: the oldest ended goes first; a process that is not known here is asked
// for in the kernel.
class ProcessStarts {
 public:
  void Started(const ProcessKey& process) { starts_[process.tgid] = process.start_ns; }
  void Ended(const ProcessKey& process);
  // 0 when not known.
  uint64_t Find(uint32_t tgid) const;

 private:
  static constexpr size_t kMaxEnded = 4096;
  static constexpr size_t kMaxEntries = 65536;
  absl::flat_hash_map<uint32_t, uint64_t> starts_;
  std::deque<ProcessKey> ended_;
};

}  // namespace tensorwarden
