// The two ends of a file, which is all that identification looks at.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tensorwarden {

inline constexpr size_t kWindowBytes = 64 << 10;

struct FileWindow {
  uint64_t size = 0;  // of the file, bytes
  std::string head;   // its first bytes, at most kWindowBytes
  std::string tail;   // its last bytes, at most kWindowBytes; may overlap the head
  std::string name;   // last path component, lower case

  // True when the bytes at `offset` of the head are `magic`.
  bool HeadHas(size_t offset, std::string_view magic) const {
    return head.size() >= offset + magic.size() && std::string_view(head).substr(offset, magic.size()) == magic;
  }
  // True when the file ends in `magic`, `before` bytes before its end.
  bool TailHas(std::string_view magic, size_t before = 0) const {
    return tail.size() >= magic.size() + before &&
           std::string_view(tail).substr(tail.size() - magic.size() - before, magic.size()) == magic;
  }
};

// Errors: the read's, as ErrnoToStatus. What is no regular file has no window: FailedPrecondition.
absl::StatusOr<FileWindow> ReadWindow(int fd, std::string_view name);

// Reads numbers from bytes, in either byte order; past the end every read fails and stays failed.
class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes, bool big_endian = false) : bytes_(bytes), big_endian_(big_endian) {}
  std::optional<uint64_t> Number(size_t width);
  std::optional<std::string_view> Bytes(uint64_t count);
  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  void SetBigEndian(bool big_endian) { big_endian_ = big_endian; }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool big_endian_;
};

}  // namespace tensorwarden
