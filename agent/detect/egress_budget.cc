#include "agent/detect/egress_budget.h"

#include <algorithm>

namespace tensorwarden {

size_t EgressLadder::Reached(uint64_t bytes, uint64_t size) const {
  if (bytes == 0 || bytes < min_bytes) return 0;
  if (size == 0) return 1;
  const double share = static_cast<double>(bytes) / static_cast<double>(size);
  return static_cast<size_t>(std::upper_bound(shares.begin(), shares.end(), share) - shares.begin());
}

EgressBudget::EgressBudget(const std::vector<absl::Duration>& windows) {
  for (absl::Duration window : windows) rings_.emplace_back(static_cast<uint64_t>(absl::ToInt64Nanoseconds(window)));
}

void EgressBudget::Charge(uint64_t now_ns, uint64_t bytes) {
  for (WindowRing& ring : rings_) ring.Add(now_ns, bytes);
}

const WindowRing& EgressBudget::WindowOf(size_t rung, const EgressLadder& ladder, uint64_t size) const {
  for (const WindowRing& ring : rings_)
    if (ladder.Reached(ring.Sum(), size) >= rung) return ring;
  return rings_.back();
}

void EgressBudget::Save(StateWriter& writer) const {
  writer.Number(fired);
  for (const WindowRing& ring : rings_) ring.Save(writer);
}

void EgressBudget::Restore(StateReader& reader) {
  fired = static_cast<size_t>(reader.Number());
  for (WindowRing& ring : rings_) ring.Restore(reader);
}

}  // namespace tensorwarden
