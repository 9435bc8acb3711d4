#include "agent/detect/distinct_count.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tensorwarden {

void DistinctCount::Add(uint64_t hash) {
  if (!registers_.empty()) return AddToRegisters(hash);
  const auto at = std::lower_bound(values_.begin(), values_.end(), hash);
  if (at != values_.end() && *at == hash) return;
  if (values_.size() < kExact) {
    values_.insert(at, hash);
    return;
  }
  registers_.resize(kRegisters);
  for (uint64_t value : values_) AddToRegisters(value);
  AddToRegisters(hash);
  values_ = {};
}

void DistinctCount::AddToRegisters(uint64_t hash) {
  uint8_t& most = registers_[hash >> 54];
  // Rank of the first one among the other 54 bits; the last bit set ends an all-zero run.
  const auto rank = static_cast<uint8_t>(std::countl_zero((hash << 10) | (1ull << 9)) + 1);
  most = std::max(most, rank);
}

double DistinctCount::Estimate() const {
  if (registers_.empty()) return static_cast<double>(values_.size());
  constexpr double kM = kRegisters;
  double sum = 0;
  int zero = 0;
  for (uint8_t rank : registers_) {
    sum += std::ldexp(1.0, -rank);
    zero += rank == 0;
  }
  const double raw = 0.7213 / (1 + 1.079 / kM) * kM * kM / sum;
  // Linear counting is the better estimate while registers are still empty (Flajolet et al. 2007).
  return raw <= 2.5 * kM && zero > 0 ? kM * std::log(kM / zero) : raw;
}

void DistinctCount::Save(StateWriter& writer) const {
  writer.Number(registers_.empty() ? 0 : 1);
  if (!registers_.empty()) return writer.Text({reinterpret_cast<const char*>(registers_.data()), kRegisters});
  writer.Number(values_.size());
  for (uint64_t value : values_) writer.Number(value);
}

void DistinctCount::Restore(StateReader& reader) {
  values_.clear();
  registers_.clear();
  if (reader.Number() != 0) {
    const std::string_view text = reader.Text(kRegisters);
    if (text.size() != kRegisters) return;
    registers_.assign(text.begin(), text.end());
    for (uint8_t& rank : registers_) rank = std::min<uint8_t>(rank, 55);
    return;
  }
  for (size_t left = reader.Count(kExact); left > 0; --left) values_.push_back(reader.Number());
  std::sort(values_.begin(), values_.end());
}

}  // namespace tensorwarden
