// A map from hashes of keys to the rules that they stand for. Different keys with the same hash lead to the same rules,
// which are then looked at in vain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

template <typename Word>
uint64_t WordAt(const char* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Goes on with a run of bytes. Equal texts have equal hashes only when they are hashed in the same runs.
inline uint64_t HashBytes(uint64_t hash, const char* bytes, size_t count) {
  for (; count >= 8; bytes += 8, count -= 8) hash = MixHash(hash, WordAt<uint64_t>(bytes));
  if (count >= 4) return MixHash(hash, WordAt<uint32_t>(bytes) << 32 | WordAt<uint32_t>(bytes + count - 4));
  if (count == 0) return hash;
  const auto at = [bytes](size_t i) { return uint64_t{static_cast<unsigned char>(bytes[i])}; };
  return MixHash(hash, at(0) | at(count / 2) << 8 | at(count - 1) << 16);
}

// Of a whole text: its length, both ends and, of a long one, the middle. No loop, whose end would be guessed wrong.
inline uint64_t HashText(std::string_view text) {
  const char* bytes = text.data();
  const size_t size = text.size();
  uint64_t hash = kHashStart ^ size;
  if (size >= 8) {
    hash = MixHash(hash, WordAt<uint64_t>(bytes) + 3 * WordAt<uint64_t>(bytes + (size - 8) / 2));
    return MixHash(hash, WordAt<uint64_t>(bytes + size - 8));
  }
  if (size >= 4) return MixHash(hash, WordAt<uint32_t>(bytes) << 32 | WordAt<uint32_t>(bytes + size - 4));
  return HashBytes(hash, bytes, size);
}

// Without a key, nothing may be looked up.
class KeyTable {
 public:
  void Add(uint64_t hash, uint32_t rule) { pending_.emplace_back(hash, rule); }
  // The filter lets this one pass too: it leads to a hash that has been added.
  void AddMark(uint64_t hash) { marks_.push_back(hash); }
  // Call once, after the last Add().
  void Build();

  // Nearly all values fit no key: a bit says so for most of them. A copy of it stays in registers during a loop.
  class Filter {
   public:
    bool MayHave(uint64_t hash) const {
      const uint64_t bit = hash >> shift_;
      return ((bits_[bit / 64] >> (bit % 64)) & 1) != 0;
    }

   private:
    friend class KeyTable;
    Filter(const uint64_t* bits, uint32_t shift) : bits_(bits), shift_(shift) {}
    const uint64_t* bits_;
    uint32_t shift_;
  };
  Filter filter() const { return {filter_.data(), filter_shift_}; }

  // Appends what `hash` stands for, unless this round has found it already. Rounds are greater than 0.
  void FindNew(uint64_t hash, uint64_t round, std::vector<uint32_t>& rules) {
    if (filter().MayHave(hash)) FindSlot(hash, round, rules);
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t begin = 0;
    uint32_t count = 0;  // 0: the slot is free
    uint64_t found = 0;  // last round that found it
  };
  void FindSlot(uint64_t hash, uint64_t round, std::vector<uint32_t>& rules);

  void Let(uint64_t hash);

  std::vector<uint64_t> filter_;
  uint32_t filter_shift_ = 0;
  std::vector<Slot> slots_;  // open addressing; a power of two
  std::vector<uint32_t> rules_;
  std::vector<std::pair<uint64_t, uint32_t>> pending_;
  std::vector<uint64_t> marks_;
};

}  // namespace tensorwarden::rules
