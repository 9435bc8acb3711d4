// What is new in a counter that is reported twice: by records when it grew by a step, and by samples every second.
#pragma once

#include <compare>
#include <cstdint>
#include <utility>

#include "agent/base/lru_map.h"
#include "agent/event/event.h"

namespace tensorwarden {

class ChargeTotals {
 public:
  explicit ChargeTotals(size_t max_sockets) : totals_(max_sockets) {}

  // Bytes of this event that no earlier one has brought. Both reports carry the running total of (label, process,
  // socket), so whichever comes first brings them and the other adds nothing.
  uint64_t New(const Origin& origin, const Egress& egress);

 private:
  struct Key {
    ProcessKey process;
    uint64_t cookie = 0;
    uint32_t label = 0;
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.process, k.cookie, k.label);
    }
  };
  struct Total {
    uint64_t bytes = 0;
    uint64_t ktime_ns = 0;  // of the report that brought it
  };

  LruMap<Key, Total> totals_;
};

}  // namespace tensorwarden
