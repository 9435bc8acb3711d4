// Budgets of an asset set towards one class of destinations, and of one job's part in it.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/detect/window_ring.h"

namespace tensorwarden {

// A ladder of shares that bytes climb.
struct EgressLadder {
  std::vector<double> shares;
  uint64_t min_bytes = 0;

  // Rungs reached: 0 none, shares.size() all. An asset of unknown size has reached the first one with `min_bytes`.
  size_t Reached(uint64_t bytes, uint64_t size) const;
};

// What all jobs together have sent; one ring per window.
class EgressBudget {
 public:
  explicit EgressBudget(const std::vector<absl::Duration>& windows);

  void Charge(uint64_t now_ns, uint64_t bytes);
  // The shortest window in which `rung` of `ladder` is reached; the longest when none.
  const WindowRing& WindowOf(size_t rung, const EgressLadder& ladder, uint64_t size) const;
  // Longer windows hold at least what shorter ones do, so the last one decides how far the ladder was climbed.
  const WindowRing& Longest() const { return rings_.back(); }

  size_t fired = 0;  // highest rung reported, of those that the windows still hold

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);

 private:
  std::vector<WindowRing> rings_;  // ascending
};

}  // namespace tensorwarden
