// How many different values were there? Exact up to 128, then a HyperLogLog of 1 KiB (p = 10, 3.25 % error).
#pragma once

#include <cstdint>
#include <vector>

#include "agent/base/state_codec.h"

namespace tensorwarden {

class DistinctCount {
 public:
  static constexpr size_t kExact = 128;       // 1 KiB of values, as much as the registers take
  static constexpr size_t kRegisters = 1024;  // 2^10
  static constexpr double kError = 0.0325;    // 1.04 / sqrt(registers): one standard deviation

  // `hash` must be well mixed in all of its bits.
  void Add(uint64_t hash);
  double Estimate() const;
  bool IsExact() const { return registers_.empty(); }

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);

 private:
  void AddToRegisters(uint64_t hash);

  std::vector<uint64_t> values_;  // sorted; empty once the registers stand
  std::vector<uint8_t> registers_;
};

}  // namespace tensorwarden
