#include "agent/detect/request_shape.h"

#include <xxhash.h>

#include <algorithm>

namespace tensorwarden {

void RequestShape::Add(uint64_t prefix_hash, uint64_t body_hash) {
  ++requests_;
  // Mixed again, so that the estimate does not rest on how the meter makes its hashes.
  bodies_.Add(XXH3_64bits(&body_hash, sizeof(body_hash)));
  Counter* least = &prefixes_[0];
  for (Counter& counter : prefixes_) {
    if (counter.count > 0 && counter.hash == prefix_hash) {
      ++counter.count;
      return;
    }
    if (counter.count < least->count) least = &counter;
  }
  *least = {prefix_hash, least->count + 1, least->count};
}

double RequestShape::TopPrefixShare() const {
  uint64_t top = 0;
  for (const Counter& counter : prefixes_) top = std::max(top, counter.count - counter.error);
  return requests_ == 0 ? 0 : static_cast<double>(top) / static_cast<double>(requests_);
}

double RequestShape::DistinctRatio() const {
  return requests_ == 0 ? 0 : std::min(1.0, bodies_.Estimate() / static_cast<double>(requests_));
}

double RequestShape::HighDistinctRatio() const {
  const double slack = bodies_.IsExact() ? 1.0 : 1.0 + 2 * DistinctCount::kError;
  return requests_ == 0 ? 0 : std::min(1.0, slack * bodies_.Estimate() / static_cast<double>(requests_));
}

void RequestShape::Save(StateWriter& writer) const {
  writer.Number(requests_);
  for (const Counter& counter : prefixes_) {
    writer.Number(counter.hash);
    writer.Number(counter.count);
    writer.Number(counter.error);
  }
  bodies_.Save(writer);
}

void RequestShape::Restore(StateReader& reader) {
  requests_ = reader.Number();
  for (Counter& counter : prefixes_) {
    counter.hash = reader.Number();
    counter.count = std::min(reader.Number(), requests_);
    counter.error = std::min(reader.Number(), counter.count);
  }
  bodies_.Restore(reader);
}

}  // namespace tensorwarden
