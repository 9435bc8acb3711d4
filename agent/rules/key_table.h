// A map from hashes of keys to the rules that they stand for. Different keys with the same hash lead to the same rules,
// which are then looked at in vain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tensorwarden::rules {

// --- hashes, of which a few instructions make one from the last ---
inline constexpr uint64_t kHashStart = 0x9e3779b97f4a7c15;

inline uint64_t MixHash(uint64_t hash, uint64_t value) {
  const uint64_t mixed = (hash ^ value) * 0x9e3779b97f4a7c15;
  return mixed ^ (mixed >> 32);
}

// Goes on with a run of bytes. Equal texts have equal hashes only when they are hashed in the same runs.
inline uint64_t HashBytes(uint64_t hash, const char* bytes, size_t count) {
  uint64_t word = 0;
  for (; count >= sizeof(word); bytes += sizeof(word), count -= sizeof(word)) {
    std::memcpy(&word, bytes, sizeof(word));
    hash = MixHash(hash, word);
  }
  if (count >= 4) {
    uint32_t first = 0, last = 0;
    std::memcpy(&first, bytes, sizeof(first));
    std::memcpy(&last, bytes + count - sizeof(last), sizeof(last));
    return MixHash(hash, uint64_t{first} << 32 | last);
  }
  if (count == 0) return hash;
  const auto at = [bytes](size_t i) { return uint64_t{static_cast<unsigned char>(bytes[i])}; };
  return MixHash(hash, at(0) | at(count / 2) << 8 | at(count - 1) << 16);
}

inline uint64_t HashText(std::string_view text) {
  return HashBytes(MixHash(kHashStart, text.size()), text.data(), text.size());
}

class KeyTable {
 public:
  void Add(uint64_t hash, uint32_t rule) { pending_.emplace_back(hash, rule); }
  // Call once, after the last Add().
  void Build();
  bool empty() const { return slots_.empty(); }

  // What `hash` stands for, unless this round has found it already. Nearly all values fit no key: a bit says so for
  // most of them. Rounds are greater than 0.
  std::span<const uint32_t> FindNew(uint64_t hash, uint64_t round) {
    const uint64_t bit = hash >> filter_shift_;
    if (((filter_[bit / 64] >> (bit % 64)) & 1) == 0) return {};
    return FindSlot(hash, round);
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t begin = 0;
    uint32_t count = 0;  // 0: the slot is free
    uint64_t found = 0;  // last round that found it
  };
  std::span<const uint32_t> FindSlot(uint64_t hash, uint64_t round);

  std::vector<std::pair<uint64_t, uint32_t>> pending_;
  std::vector<uint64_t> filter_;
  uint32_t filter_shift_ = 0;
  std::vector<Slot> slots_;  // open addressing; a power of two
  std::vector<uint32_t> rules_;
};

}  // namespace tensorwarden::rules
