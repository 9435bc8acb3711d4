#include "agent/capture/index_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace tensorwarden {
namespace {

absl::StatusOr<std::string> ReadAt(int fd, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "read the capture's index");
    if (n == 0) return absl::DataLossError("the capture ends there");
    done += static_cast<size_t>(n);
  }
  return bytes;
}

absl::StatusOr<FrameHeader> HeaderAt(int fd, uint64_t offset, uint16_t version) {
  absl::StatusOr<std::string> bytes = ReadAt(fd, offset, FrameHeaderBytes(version));
  if (!bytes.ok()) return bytes.status();
  return DecodeFrameHeader(*bytes, version);
}

absl::StatusOr<CaptureIndex> StoredIndex(int fd, uint64_t size, uint16_t version) {
  if (size < kFileHeaderBytes + kIndexFooterBytes) return absl::DataLossError("no index");
  absl::StatusOr<std::string> footer = ReadAt(fd, size - kIndexFooterBytes, kIndexFooterBytes);
  if (!footer.ok()) return footer.status();
  absl::StatusOr<uint64_t> offset = DecodeIndexFooter(*footer);
  if (!offset.ok()) return offset.status();
  if (*offset >= size) return absl::DataLossError("no index");
  absl::StatusOr<FrameHeader> header = HeaderAt(fd, *offset, version);
  if (!header.ok()) return header.status();
  if (header->events != 0) return absl::DataLossError("no index");
  absl::StatusOr<std::string> payload = ReadAt(fd, *offset + FrameHeaderBytes(version), header->payload_bytes);
  if (!payload.ok()) return payload.status();
  if (FrameHash(*payload) != header->payload_hash) return absl::DataLossError("no index");
  absl::StatusOr<std::string> plain = DecompressPayload(*payload);
  if (!plain.ok()) return plain.status();
  return CaptureIndex::Decode(*plain, *offset);
}

CaptureIndex WalkedIndex(int fd, uint64_t size, uint16_t version) {
  CaptureIndex index;
  for (uint64_t offset = kFileHeaderBytes; offset < size;) {
    const absl::StatusOr<FrameHeader> header = HeaderAt(fd, offset, version);
    if (!header.ok() || header->events == 0) break;
    const uint64_t next = offset + FrameHeaderBytes(version) + header->payload_bytes;
    if (next > size) break;  // torn
    index.Add(offset, *header);
    offset = next;
  }
  return index;
}

}  // namespace

absl::StatusOr<CaptureIndex> LoadIndex(int fd, uint16_t version) {
  struct stat st {};
  if (fstat(fd, &st) != 0) return absl::ErrnoToStatus(errno, "look at the capture");
  if (!S_ISREG(st.st_mode)) return absl::FailedPreconditionError("a pipe cannot be searched for a time");
  if (version < 2) return absl::FailedPreconditionError("captures of version 1 tell no times ahead");
  const uint64_t size = static_cast<uint64_t>(st.st_size);
  absl::StatusOr<CaptureIndex> index = StoredIndex(fd, size, version);
  return index.ok() ? index : WalkedIndex(fd, size, version);
}

}  // namespace tensorwarden
