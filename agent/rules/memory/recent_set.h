// A few values with the time when each was seen last; the one seen longest ago goes first.
#pragma once

#include <vector>

#include "agent/rules/memory/memory.h"

namespace tensorwarden::rules {

class RecentSet {
 public:
  enum class Seen : uint8_t { kBefore, kNew, kNewForAnother };

  // With `max_size` values, a new one takes the place of the oldest.
  Seen Add(const ValueHash& value, int64_t now_ns, size_t max_size);
  // Forgets what was seen last at `ns` or before.
  void ForgetUntil(int64_t ns);
  size_t size() const { return values_.size(); }

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader, size_t max_size, int64_t shift_ns);

 private:
  struct Value {
    ValueHash hash;
    int64_t seen_ns;
  };
  std::vector<Value> values_;  // oldest first. At most some hundred: looking through all beats a second index
};

}  // namespace tensorwarden::rules
