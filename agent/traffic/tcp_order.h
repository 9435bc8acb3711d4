// Puts the segments of one direction of a TCP connection in order, with what is known before TCP itself has judged
// them: a segment counts once, old bytes never again, and bytes far from where the stream stands not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tensorwarden {

struct StashedSegment {
  uint64_t offset = 0;
  uint32_t length = 0;         // in the stream; more than bytes.size() when cut short
  std::vector<uint8_t> bytes;  // captured
};

inline std::string_view AsText(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class TcpOrder {
 public:
  static constexpr uint64_t kWindowBytes = 1 << 20;  // further ahead than this is taken for a decoy
  static constexpr size_t kMaxStash = 8;             // segments that wait for the bytes before them

  enum class Place : uint8_t { kInOrder, kOld, kAhead, kOutside };

  // The next byte has sequence number `seq`. Forgets all else.
  void Start(uint32_t seq);
  bool Started() const { return next_ != 0; }
  // Where the segment lies. Offsets are sequence numbers continued to 64 bits.
  Place Locate(uint32_t seq, uint32_t length, uint64_t& offset);
  uint64_t next() const { return next_; }
  void MoveTo(uint64_t offset);
  void Advance(uint64_t bytes) { MoveTo(next_ + bytes); }

  bool StashFull() const { return stash_.size() >= kMaxStash; }
  bool StashEmpty() const { return stash_.empty(); }
  void Stash(StashedSegment segment);
  // The stashed segment that continues the stream, if it is there; drops those that are old by now.
  std::optional<StashedSegment> TakeReady();
  const std::vector<StashedSegment>& stash() const { return stash_; }  // by offset
  void ClearStash() { stash_ = {}; }
  size_t StashedBytes() const;

 private:
  uint64_t next_ = 0;     // offset of the first byte not yet delivered; 0 = not started
  uint64_t highest_ = 0;  // end of the furthest segment seen; what sequence numbers are continued from
  std::vector<StashedSegment> stash_;
};

}  // namespace tensorwarden
