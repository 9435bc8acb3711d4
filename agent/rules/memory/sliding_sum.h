// A sum over a sliding window, in 60 buckets: exact to a sixtieth of the window. Fractions add up as well.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/base/state_codec.h"

namespace tensorwarden::rules {

class SlidingSum {
 public:
  static constexpr size_t kBuckets = 60;
  static int64_t BucketNs(int64_t window_ns) { return window_ns / static_cast<int64_t>(kBuckets) + 1; }

  // `bucket_ns` is the same in every call: who has thousands of sums keeps it once.
  void Add(int64_t now_ns, double amount, int64_t bucket_ns);
  double Sum() const;

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);

 private:
  int64_t head_ = 0;             // number of the newest bucket since boot
  std::vector<double> buckets_;  // none until the first Add()
};

}  // namespace tensorwarden::rules
