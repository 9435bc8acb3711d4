// Numbers and texts one after another in a message: little endian, texts with their length before them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tensorwarden {

class ByteWriter {
 public:
  void Number(uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
  }
  void Text(std::string_view text) {
    Number(text.size());
    bytes_ += text;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what may be broken or hostile: after the first thing that does not fit, everything reads as zero or empty and
// ok() is false. Nothing is allocated that the input does not hold.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Number() {
    const std::string_view raw = Bytes(8);
    uint64_t value = 0;
    for (size_t i = 0; i < raw.size(); ++i) value |= uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
    return value;
  }
  // A count or an index: broken when above `max`.
  uint64_t NumberUpTo(uint64_t max) {
    const uint64_t value = Number();
    if (value <= max) return value;
    ok_ = false;
    return 0;
  }
  std::string Text(size_t max_bytes) { return std::string(Bytes(NumberUpTo(max_bytes))); }

  bool ok() const { return ok_; }
  // All was read, and nothing is left.
  bool Done() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view Bytes(uint64_t count) {
    if (!ok_ || count > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace tensorwarden
