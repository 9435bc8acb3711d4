#include "agent/capture/index.h"

#include <algorithm>

namespace tensorwarden {
namespace {

constexpr std::string_view kMagic = "TWINDEX\n";
constexpr size_t kRowBytes = 40;

IndexRow Merged(const IndexRow& a, const IndexRow& b) {
  IndexRow row = a;
  if (row.first_ns == 0 || (b.first_ns != 0 && b.first_ns < row.first_ns)) row.first_ns = b.first_ns;
  row.last_ns = std::max(a.last_ns, b.last_ns);
  row.events += b.events;
  return row;
}

}  // namespace

void CaptureIndex::Add(uint64_t offset, const FrameHeader& header) {
  if (rows_.size() == kMaxRows) {
    for (size_t i = 0; i < kMaxRows / 2; ++i) rows_[i] = Merged(rows_[2 * i], rows_[2 * i + 1]);
    rows_.resize(kMaxRows / 2);
  }
  rows_.push_back({offset, header.first_seq, header.first_ns, header.last_ns, header.events});
}

const IndexRow* CaptureIndex::RowAt(uint64_t time_ns) const {
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const IndexRow& r) { return r.last_ns >= time_ns; });
  return row == rows_.end() ? nullptr : &*row;
}

absl::StatusOr<std::string> CaptureIndex::Encode(uint64_t offset) const {
  std::string plain;
  for (const IndexRow& row : rows_) {
    for (const uint64_t value : {row.offset, row.first_seq, row.first_ns, row.last_ns, row.events}) {
      AppendLittleEndian(plain, value, 8);
    }
  }
  absl::StatusOr<std::string> payload = CompressPayload(plain);
  if (!payload.ok()) return payload;
  const FrameHeader header{.payload_bytes = static_cast<uint32_t>(payload->size()),
                           .first_seq = rows_.empty() ? 0 : rows_.front().first_seq,
                           .first_ns = rows_.empty() ? 0 : rows_.front().first_ns,
                           .last_ns = rows_.empty() ? 0 : rows_.back().last_ns,
                           .payload_hash = FrameHash(*payload)};
  std::string footer;
  AppendLittleEndian(footer, offset, 8);
  footer += kMagic;
  AppendLittleEndian(footer, FrameHash(footer), 8);
  return EncodeFrameHeader(header) + *payload + footer;
}

absl::StatusOr<CaptureIndex> CaptureIndex::Decode(std::string_view plain, uint64_t end) {
  if (plain.size() % kRowBytes != 0 || plain.size() / kRowBytes > kMaxRows) {
    return absl::DataLossError("the index has another size than its rows");
  }
  CaptureIndex index;
  uint64_t next = kFileHeaderBytes;
  for (size_t at = 0; at < plain.size(); at += kRowBytes) {
    IndexRow row;
    size_t field = at;
    for (uint64_t* value : {&row.offset, &row.first_seq, &row.first_ns, &row.last_ns, &row.events}) {
      *value = ReadLittleEndian(plain, field, 8);
      field += 8;
    }
    if (row.offset < next || row.offset >= end) return absl::DataLossError("the index points out of the capture");
    next = row.offset + kFrameHeaderBytes;
    index.rows_.push_back(row);
  }
  return index;
}

absl::StatusOr<uint64_t> DecodeIndexFooter(std::string_view bytes) {
  if (bytes.size() != kIndexFooterBytes || bytes.substr(8, 8) != kMagic ||
      ReadLittleEndian(bytes, 16, 8) != FrameHash(bytes.substr(0, 16))) {
    return absl::DataLossError("no index");
  }
  return ReadLittleEndian(bytes, 0, 8);
}

}  // namespace tensorwarden
