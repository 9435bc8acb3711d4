#include "agent/sensor/directory_listing.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

namespace tensorwarden {
namespace {

constexpr size_t kBufferBytes = 256 << 10;

// As the kernel writes it; the C library's struct dirent64 is the same with a fixed name.
struct EntryHeader {
  uint64_t ino;
  int64_t off;
  uint16_t reclen;
  uint8_t type;
};
constexpr size_t kNameAt = 19;  // right behind `type`

}  // namespace

absl::Status ListDirectory(int fd, size_t max_entries, DirectoryListing& listing) {
  listing.clear();
  if (lseek(fd, 0, SEEK_SET) != 0) return absl::ErrnoToStatus(errno, "rewind directory");
  const auto buffer = std::make_unique<char[]>(kBufferBytes);
  for (;;) {
    const long n = syscall(SYS_getdents64, fd, buffer.get(), kBufferBytes);
    if (n < 0) return absl::ErrnoToStatus(errno, "read directory");
    if (n == 0) return absl::OkStatus();
    EntryHeader header{};
    for (long at = 0; at < n; at += header.reclen) {
      std::memcpy(&header, buffer.get() + at, kNameAt);
      if (header.type == DT_DIR) continue;
      if (listing.size() >= max_entries)
        return absl::ResourceExhaustedError(fmt::format("directory of more than {} entries", max_entries));
      const std::string_view name = buffer.get() + at + kNameAt;
      listing.emplace(name, header.ino);
    }
  }
}

// Reading takes the lock that a change holds; how much is read does not matter.
void WaitForNames(int fd) {
  char buffer[1024];
  [[maybe_unused]] const long ignored = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
}

}  // namespace tensorwarden
