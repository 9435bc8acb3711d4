// The container around captured events: file header, frame headers, checksums, compression. Knows nothing of events.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tensorwarden {

inline constexpr size_t kFileHeaderBytes = 16;
inline constexpr size_t kFrameHeaderBytes = 32;
inline constexpr uint16_t kCaptureVersion = 1;

struct FrameHeader {
  uint32_t payload_bytes = 0;
  uint32_t events = 0;
  uint64_t first_seq = 0;
  uint64_t payload_hash = 0;
};

std::string EncodeFileHeader();
// Errors: DataLoss when it is no capture, Unimplemented when its version is newer.
absl::Status CheckFileHeader(std::string_view bytes);

std::string EncodeFrameHeader(const FrameHeader& header);
// `bytes` has kFrameHeaderBytes. Errors: DataLoss when the checksum is wrong or a size is out of bounds.
absl::StatusOr<FrameHeader> DecodeFrameHeader(std::string_view bytes);

uint64_t FrameHash(std::string_view payload);

// Errors: Internal, with zstd's words.
absl::StatusOr<std::string> CompressPayload(std::string_view plain);
// Never yields more than kMaxFrameBytes, whatever the payload claims. Errors: DataLoss.
absl::StatusOr<std::string> DecompressPayload(std::string_view payload);

void AppendLittleEndian(std::string& out, uint64_t value, size_t bytes);
uint64_t ReadLittleEndian(std::string_view bytes, size_t offset, size_t size);

}  // namespace tensorwarden
