#include "agent/artifact/size_on_disk.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

namespace tensorwarden {
namespace {

constexpr uint64_t kBlock = 512;  // of st_blocks, on every file system
constexpr uint64_t kLeast = 4096;
constexpr int kMaxRanges = 4096;  // a file in more pieces was made so

// Sum of the ranges that are no holes; nullopt when they are too many.
std::optional<uint64_t> DataBytes(int fd, uint64_t size) {
  uint64_t sum = 0;
  off_t at = 0;
  for (int i = 0; i < kMaxRanges; ++i) {
    const off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 || static_cast<uint64_t>(data) >= size) return sum;  // nothing but a hole is left
    at = lseek(fd, data, SEEK_HOLE);
    if (at <= data) return sum + size - static_cast<uint64_t>(data);
    sum += static_cast<uint64_t>(at - data);
  }
  return std::nullopt;
}

}  // namespace

uint64_t SizeOnDisk(int fd, const struct stat& st) {
  const auto size = static_cast<uint64_t>(st.st_size);
  const uint64_t allocated = static_cast<uint64_t>(st.st_blocks) * kBlock;
  if (allocated >= size / 2) return size;
  const uint64_t there = std::max({allocated, DataBytes(fd, size).value_or(0), kLeast});
  return there >= size / 2 ? size : there;
}

}  // namespace tensorwarden
