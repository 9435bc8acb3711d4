// The asset sets behind one label. It is one, until all labels are used up and unrelated sets have to share.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <set>

namespace tensorwarden {

// Sets go by an id that is equal for the files of one set and, but for one chance in 2^64, for those alone.
class LabelSets {
 public:
  void Join(uint64_t set) { ++sets_[set].files; }
  // One file less; with the last one the set is gone.
  void Leave(uint64_t set);
  void Resize(uint64_t set, uint64_t bytes);

  uint64_t BytesOf(uint64_t set) const;
  size_t Count() const { return sets_.size(); }
  // Of the sets that have bytes; 0 when none has.
  uint64_t Smallest() const { return sizes_.empty() ? 0 : *sizes_.begin(); }

 private:
  struct Set {
    uint64_t bytes = 0;
    uint32_t files = 0;
  };
  absl::flat_hash_map<uint64_t, Set> sets_;  // bounded by the assets
  std::multiset<uint64_t> sizes_;            // of those above 0
};

}  // namespace tensorwarden
