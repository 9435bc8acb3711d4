// Gives label bits to asset sets, in order of arrival, so that a replay gives the same.
//
// One set is one file; the shards of one model are one set, and so are the checkpoints of one run (they differ only in
// numbers). After 48 bits the files of a directory share one, after 62 everything shares the last.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tensorwarden {

class LabelAllocator {
 public:
  static constexpr uint32_t kOwnBits = 48;
  static constexpr uint32_t kSharedBits = 62;
  static constexpr uint32_t kLastBit = 63;

  // The bit of the set that the file belongs to; the same for the same set ever after, also when its files are gone:
  // carriers of it may still live. `wanted` is the bit that it had before a restart, -1 none: it gets it if no other
  // set has.
  uint32_t BitFor(std::string_view path, std::string_view klass, int32_t wanted = -1);

 private:
  uint32_t Choose(int32_t wanted) const;

  absl::flat_hash_map<std::string, uint32_t> bits_;  // at most 62 entries
  uint64_t taken_ = 0;                               // bit set
};

// Name of the set: directory and file name, a shard's number left out; of checkpoints every number.
std::string AssetSetOf(std::string_view path, std::string_view klass);

}  // namespace tensorwarden
