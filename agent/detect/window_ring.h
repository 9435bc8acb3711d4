// A sum over a sliding window, in 60 buckets: exact to a sixtieth of the window.
#pragma once

#include <array>
#include <cstdint>

#include "agent/base/state_codec.h"

namespace tensorwarden {

class WindowRing {
 public:
  static constexpr size_t kBuckets = 60;

  explicit WindowRing(uint64_t window_ns) : bucket_ns_(window_ns / kBuckets + 1) {}

  void Add(uint64_t now_ns, uint64_t amount) {
    Advance(now_ns);
    buckets_[head_ % kBuckets] += amount;
    sum_ += amount;
  }
  // Takes out what `part`, a ring of the same window, holds: it was added to both.
  void Remove(const WindowRing& part);
  // Forgets what has left the window. A time before the newest one seen changes nothing.
  void Advance(uint64_t now_ns);
  uint64_t Sum() const { return sum_; }
  uint64_t WindowNs() const { return bucket_ns_ * kBuckets; }

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);

 private:
  uint64_t bucket_ns_;
  uint64_t head_ = 0;  // number of the newest bucket since boot
  uint64_t sum_ = 0;
  std::array<uint64_t, kBuckets> buckets_{};
};

}  // namespace tensorwarden
