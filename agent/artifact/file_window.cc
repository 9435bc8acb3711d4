#include "agent/artifact/file_window.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tensorwarden {
namespace {

absl::Status ReadAt(int fd, uint64_t offset, std::string& into) {
  size_t got = 0;
  while (got < into.size()) {
    const ssize_t n = pread(fd, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, fmt::format("pread at {}", offset + got));
    if (n == 0) break;  // it shrank under us
    got += static_cast<size_t>(n);
  }
  into.resize(got);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FileWindow> ReadWindow(int fd, std::string_view name) {
  struct stat status;
  if (fstat(fd, &status) != 0) return absl::ErrnoToStatus(errno, "fstat");
  if (!S_ISREG(status.st_mode)) return absl::FailedPreconditionError("not a regular file");
  FileWindow window;
  window.size = static_cast<uint64_t>(status.st_size);
  window.name = name;
  std::transform(name.begin(), name.end(), window.name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const size_t length = std::min<uint64_t>(window.size, kWindowBytes);
  window.head.resize(length);
  if (absl::Status read = ReadAt(fd, 0, window.head); !read.ok()) return read;
  if (window.size <= kWindowBytes) {
    window.tail = window.head;
    return window;
  }
  window.tail.resize(length);
  if (absl::Status read = ReadAt(fd, window.size - length, window.tail); !read.ok()) return read;
  return window;
}

std::optional<uint64_t> ByteCursor::Number(size_t width) {
  const auto bytes = Bytes(width);
  if (!bytes) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i)
    value = value << 8 | static_cast<uint8_t>((*bytes)[big_endian_ ? i : width - 1 - i]);
  return value;
}

std::optional<std::string_view> ByteCursor::Bytes(uint64_t count) {
  if (count > left()) {
    at_ = bytes_.size();
    return std::nullopt;
  }
  const std::string_view bytes = bytes_.substr(at_, count);
  at_ += count;
  return bytes;
}

}  // namespace tensorwarden
