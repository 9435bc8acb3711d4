// The container around captured events: file header, frame headers, checksums, compression. Knows nothing of events.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tensorwarden {

inline constexpr uint32_t kMaxFrameBytes = 16 << 20;  // compressed or not; so an event's bound too, less 4
inline constexpr size_t kFileHeaderBytes = 16;
inline constexpr size_t kFrameHeaderBytes = 48;
inline constexpr uint16_t kCaptureVersion = 2;

struct FrameHeader {
  uint32_t payload_bytes = 0;
  uint32_t events = 0;  // 0: the frame is the index
  uint64_t first_seq = 0;
  uint64_t first_ns =
      0;  // CLOCK_BOOTTIME of the earliest and the latest event; 0 when none has a time, or in version 1
  uint64_t last_ns = 0;
  uint64_t payload_hash = 0;
};

std::string EncodeFileHeader();
// The capture's version. Errors: DataLoss when it is no capture, Unimplemented when its version is newer.
absl::StatusOr<uint16_t> DecodeFileHeader(std::string_view bytes);

// Frame headers of version 1 had no times.
constexpr size_t FrameHeaderBytes(uint16_t version) { return version == 1 ? 32 : kFrameHeaderBytes; }
std::string EncodeFrameHeader(const FrameHeader& header);
// `bytes` has FrameHeaderBytes(version). Errors: DataLoss when the checksum is wrong or a size is out of bounds.
absl::StatusOr<FrameHeader> DecodeFrameHeader(std::string_view bytes, uint16_t version);

uint64_t FrameHash(std::string_view payload);

// Errors: Internal, with zstd's words.
absl::StatusOr<std::string> CompressPayload(std::string_view plain);
// Never yields more than kMaxFrameBytes, whatever the payload claims. Errors: DataLoss.
absl::StatusOr<std::string> DecompressPayload(std::string_view payload);

void AppendLittleEndian(std::string& out, uint64_t value, size_t bytes);
uint64_t ReadLittleEndian(std::string_view bytes, size_t offset, size_t size);

}  // namespace tensorwarden
