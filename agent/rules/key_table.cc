#include "agent/rules/key_table.h"

#include <algorithm>
#include <bit>

namespace tensorwarden::rules {
namespace {

constexpr size_t kFilterBitsPerKey = 16;
constexpr size_t kMinFilterBits = 256;

}  // namespace

void KeyTable::Let(uint64_t hash) {
  const uint64_t bit = hash >> filter_shift_;
  filter_[bit / 64] |= uint64_t{1} << (bit % 64);
}

void KeyTable::Build() {
  std::sort(pending_.begin(), pending_.end());
  pending_.erase(std::unique(pending_.begin(), pending_.end()), pending_.end());
  std::sort(marks_.begin(), marks_.end());
  marks_.erase(std::unique(marks_.begin(), marks_.end()), marks_.end());
  if (pending_.empty()) return;
  const size_t bits = std::bit_ceil(std::max(kMinFilterBits, (pending_.size() + marks_.size()) * kFilterBitsPerKey));
  filter_.resize(bits / 64);
  filter_shift_ = 64 - static_cast<uint32_t>(std::countr_zero(bits));
  slots_.resize(std::bit_ceil(pending_.size() * 2));
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < pending_.size();) {
    const uint64_t hash = pending_[i].first;
    Let(hash);
    size_t at = hash & mask;
    while (slots_[at].count != 0) at = (at + 1) & mask;
    slots_[at] = {.hash = hash, .begin = static_cast<uint32_t>(rules_.size())};
    for (; i < pending_.size() && pending_[i].first == hash; ++i) rules_.push_back(pending_[i].second);
    slots_[at].count = static_cast<uint32_t>(rules_.size()) - slots_[at].begin;
  }
  for (const uint64_t mark : marks_) Let(mark);
  pending_ = {};
  marks_ = {};
}

void KeyTable::FindSlot(uint64_t hash, uint64_t round, std::vector<uint32_t>& rules) {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask; slots_[at].count != 0; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.hash != hash) continue;
    if (slot.found != round) rules.insert(rules.end(), &rules_[slot.begin], &rules_[slot.begin] + slot.count);
    slot.found = round;
    return;
  }
}

}  // namespace tensorwarden::rules
