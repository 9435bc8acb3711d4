// Where in a capture which time lies: a row per frame.
//
// Written at the end, as a frame of no events whose payload is the rows, and a footer {u64 offset of that frame, magic
// "TWINDEX\n", u64 XXH3 of the 16 bytes before}. It is a shortcut: a capture whose end is torn has none, and the frame
// headers tell the same.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/capture/frame.h"

namespace tensorwarden {

inline constexpr size_t kIndexFooterBytes = 24;

struct IndexRow {
  uint64_t offset = 0;  // of the (first) frame's header
  uint64_t first_seq = 0;
  uint64_t first_ns = 0;  // of the earliest and the latest event
  uint64_t last_ns = 0;
  uint64_t events = 0;
};

class CaptureIndex {
 public:
  // More rows than this, 18 hours of a frame a second, are merged two by two.
  static constexpr size_t kMaxRows = 65536;

  void Add(uint64_t offset, const FrameHeader& header);
  const std::vector<IndexRow>& rows() const { return rows_; }
  // The first row that holds an event of this time or later; nullptr when none does.
  const IndexRow* RowAt(uint64_t time_ns) const;

  // Index frame and footer, to stand at `offset`. Errors: Internal.
  absl::StatusOr<std::string> Encode(uint64_t offset) const;
  // From an index frame's unpacked payload. Errors: DataLoss when rows are not in order, or reach past `end`.
  static absl::StatusOr<CaptureIndex> Decode(std::string_view plain, uint64_t end);

 private:
  std::vector<IndexRow> rows_;
};

// Offset of the index frame. Errors: DataLoss.
absl::StatusOr<uint64_t> DecodeIndexFooter(std::string_view bytes);

}  // namespace tensorwarden
