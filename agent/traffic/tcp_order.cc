#include "agent/traffic/tcp_order.h"

#include <algorithm>

namespace tensorwarden {

void TcpOrder::Start(uint32_t seq) {
  next_ = highest_ = (uint64_t{1} << 32) + seq;  // room to look back
  stash_.clear();
}

void TcpOrder::MoveTo(uint64_t offset) {
  next_ = offset;
  // A long body may be passed over in one step; numbers are continued from its end only once that has been seen.
  if (offset > highest_ && offset - highest_ <= kWindowBytes) highest_ = offset;
}

TcpOrder::Place TcpOrder::Locate(uint32_t seq, uint32_t length, uint64_t& offset) {
  const int32_t distance = static_cast<int32_t>(seq - static_cast<uint32_t>(highest_));
  offset = distance < 0 && static_cast<uint64_t>(-int64_t{distance}) > highest_
               ? 0
               : highest_ + static_cast<uint64_t>(int64_t{distance});
  const uint64_t end = offset + length;
  if (offset > std::max(next_, highest_) + kWindowBytes) return Place::kOutside;
  if (end > highest_ && offset <= highest_ + kWindowBytes) highest_ = end;
  if (offset == next_) return Place::kInOrder;
  if (end <= next_) return Place::kOld;
  return offset < next_ ? Place::kInOrder : Place::kAhead;
}

void TcpOrder::Stash(StashedSegment segment) {
  // Among segments at one place the first to arrive is kept first, as TCP does.
  const auto at = std::upper_bound(stash_.begin(), stash_.end(), segment.offset,
                                   [](uint64_t offset, const StashedSegment& other) { return offset < other.offset; });
  stash_.insert(at, std::move(segment));
}

std::optional<StashedSegment> TcpOrder::TakeReady() {
  while (!stash_.empty() && stash_.front().offset <= next_) {
    StashedSegment first = std::move(stash_.front());
    stash_.erase(stash_.begin());
    if (first.offset + first.length > next_) return first;
  }
  return std::nullopt;
}

size_t TcpOrder::StashedBytes() const {
  size_t bytes = 0;
  for (const StashedSegment& segment : stash_) bytes += segment.bytes.size();
  return bytes;
}

}  // namespace tensorwarden
