#include "agent/detect/window_ring.h"

#include <algorithm>

namespace tensorwarden {

void WindowRing::Advance(uint64_t now_ns) {
  const uint64_t bucket = now_ns / bucket_ns_;
  if (bucket <= head_) return;
  const uint64_t steps = std::min<uint64_t>(bucket - head_, kBuckets);
  for (uint64_t i = 1; i <= steps; ++i) {
    uint64_t& old = buckets_[(bucket - steps + i) % kBuckets];
    sum_ -= old;
    old = 0;
  }
  head_ = bucket;
}

void WindowRing::Remove(const WindowRing& part) {
  Advance(part.head_ * bucket_ns_);
  for (uint64_t i = 0; i < kBuckets && i <= part.head_ && head_ < part.head_ + kBuckets - i; ++i) {
    uint64_t& bucket = buckets_[(part.head_ - i) % kBuckets];
    const uint64_t amount = std::min(bucket, part.buckets_[(part.head_ - i) % kBuckets]);
    bucket -= amount;
    sum_ -= amount;
  }
}

void WindowRing::Save(StateWriter& writer) const {
  writer.Number(head_);
  for (uint64_t bucket : buckets_) writer.Number(bucket);
}

void WindowRing::Restore(StateReader& reader) {
  constexpr uint64_t kMost = uint64_t{1} << 57;  // sixty of them do not overflow
  head_ = reader.Number();
  sum_ = 0;
  for (uint64_t& bucket : buckets_) {
    bucket = std::min(reader.Number(), kMost);
    sum_ += bucket;
  }
}

}  // namespace tensorwarden
