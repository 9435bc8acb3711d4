#include "agent/capture/frame.h"

#include <fmt/format.h>
#include <xxhash.h>
#include <zstd.h>

namespace tensorwarden {
namespace {

constexpr std::string_view kMagic = "TWCAP\n";
constexpr int kCompressionLevel = 3;  // an eighth of the size at 300 MB/s; higher levels gain little on events

}  // namespace

void AppendLittleEndian(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t ReadLittleEndian(std::string_view bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[offset + i])} << (8 * i);
  return value;
}

std::string EncodeFileHeader() {
  std::string header(kMagic);
  AppendLittleEndian(header, kCaptureVersion, 2);
  AppendLittleEndian(header, 0, 8);
  return header;
}

absl::StatusOr<uint16_t> DecodeFileHeader(std::string_view bytes) {
  if (bytes.size() < kFileHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::DataLossError("not a capture of tensorwarden");
  }
  const uint64_t version = ReadLittleEndian(bytes, kMagic.size(), 2);
  if (version > kCaptureVersion) {
    return absl::UnimplementedError(fmt::format(
        "capture version {} is newer than this program's {}; replay it with a newer one", version, kCaptureVersion));
  }
  if (version == 0 || ReadLittleEndian(bytes, 8, 8) != 0) return absl::DataLossError("damaged capture header");
  return static_cast<uint16_t>(version);
}

std::string EncodeFrameHeader(const FrameHeader& header) {
  std::string bytes;
  AppendLittleEndian(bytes, header.payload_bytes, 4);
  AppendLittleEndian(bytes, header.events, 4);
  AppendLittleEndian(bytes, header.first_seq, 8);
  AppendLittleEndian(bytes, header.first_ns, 8);
  AppendLittleEndian(bytes, header.last_ns, 8);
  AppendLittleEndian(bytes, header.payload_hash, 8);
  AppendLittleEndian(bytes, FrameHash(bytes), 8);
  return bytes;
}

absl::StatusOr<FrameHeader> DecodeFrameHeader(std::string_view bytes, uint16_t version) {
  const size_t hashed = FrameHeaderBytes(version) - 8;
  if (bytes.size() != hashed + 8 || ReadLittleEndian(bytes, hashed, 8) != FrameHash(bytes.substr(0, hashed))) {
    return absl::DataLossError("frame header does not match its checksum");
  }
  FrameHeader header{.payload_bytes = static_cast<uint32_t>(ReadLittleEndian(bytes, 0, 4)),
                     .events = static_cast<uint32_t>(ReadLittleEndian(bytes, 4, 4)),
                     .first_seq = ReadLittleEndian(bytes, 8, 8),
                     .payload_hash = ReadLittleEndian(bytes, hashed - 8, 8)};
  if (version > 1) {
    header.first_ns = ReadLittleEndian(bytes, 16, 8);
    header.last_ns = ReadLittleEndian(bytes, 24, 8);
  }
  if (header.payload_bytes == 0 || header.payload_bytes > kMaxFrameBytes || (version == 1 && header.events == 0)) {
    return absl::DataLossError(
        fmt::format("frame of {} bytes and {} events is out of bounds", header.payload_bytes, header.events));
  }
  return header;
}

uint64_t FrameHash(std::string_view payload) { return XXH3_64bits(payload.data(), payload.size()); }

absl::StatusOr<std::string> CompressPayload(std::string_view plain) {
  std::string payload(ZSTD_compressBound(plain.size()), '\0');
  const size_t n = ZSTD_compress(payload.data(), payload.size(), plain.data(), plain.size(), kCompressionLevel);
  if (ZSTD_isError(n)) return absl::InternalError(fmt::format("zstd: {}", ZSTD_getErrorName(n)));
  payload.resize(n);
  return payload;
}

absl::StatusOr<std::string> DecompressPayload(std::string_view payload) {
  const unsigned long long size = ZSTD_getFrameContentSize(payload.data(), payload.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxFrameBytes) {
    return absl::DataLossError(fmt::format("payload does not unpack to at most {} bytes", kMaxFrameBytes));
  }
  std::string plain(size, '\0');
  const size_t n = ZSTD_decompress(plain.data(), plain.size(), payload.data(), payload.size());
  if (ZSTD_isError(n)) return absl::DataLossError(fmt::format("zstd: {}", ZSTD_getErrorName(n)));
  if (n != size) return absl::DataLossError("payload is shorter than it says");
  return plain;
}

}  // namespace tensorwarden
