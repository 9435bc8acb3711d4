#include "agent/rules/memory/sliding_sum.h"

#include <algorithm>
#include <numeric>

namespace tensorwarden::rules {
namespace {

constexpr double kMostInBucket = 1e300;  // sixty of them are still finite

}  // namespace

void SlidingSum::Add(int64_t now_ns, double amount, int64_t bucket_ns) {
  buckets_.resize(kBuckets);
  const int64_t bucket = std::max(now_ns / bucket_ns, head_);
  const int64_t passed = std::min(bucket - head_, static_cast<int64_t>(kBuckets));
  for (int64_t i = 0; i < passed; ++i) buckets_[static_cast<size_t>(bucket - i) % kBuckets] = 0;
  head_ = bucket;
  double& newest = buckets_[static_cast<size_t>(head_) % kBuckets];
  newest = std::clamp(newest + amount, -kMostInBucket, kMostInBucket);
}

// Added up anew each time: taking off what has left would leave the rounding errors of everything that ever passed.
double SlidingSum::Sum() const { return std::accumulate(buckets_.begin(), buckets_.end(), 0.0); }

void SlidingSum::Save(StateWriter& writer) const {
  writer.Number(static_cast<uint64_t>(head_));
  const auto filled = std::count_if(buckets_.begin(), buckets_.end(), [](double sum) { return sum != 0; });
  writer.Number(static_cast<uint64_t>(filled));
  for (size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] == 0) continue;
    writer.Number(i);
    writer.Real(buckets_[i]);
  }
}

void SlidingSum::Restore(StateReader& reader) {
  constexpr uint64_t kMostBuckets = uint64_t{1} << 61;
  head_ = static_cast<int64_t>(std::min(reader.Number(), kMostBuckets));
  buckets_.assign(kBuckets, 0);
  for (size_t left = reader.Count(kBuckets); left > 0; --left) {
    const uint64_t at = reader.Number();
    const double sum = reader.Real();
    if (at < kBuckets) buckets_[at] = sum;
  }
}

}  // namespace tensorwarden::rules
