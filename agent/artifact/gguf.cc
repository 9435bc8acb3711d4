// GGUF: versions 1 to 3, either byte order. Lengths and counts are believed only as far as the file could hold them.
#include "agent/artifact/families.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kMinPairBytes = 10, kMinTensorBytes = 20;  // of the tersest version
constexpr int kMaxArrayDepth = 4;
constexpr uint32_t kString = 8, kArray = 9, kTypes = 13;
constexpr size_t kValueBytes[kTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};  // by type; 0 = not fixed

enum class Walk : uint8_t { kGood, kWindowEnded, kBad };

class GgufReader {
 public:
  GgufReader(const FileWindow& window, uint32_t version, bool big_endian)
      : size_(window.size), count_bytes_(version == 1 ? 4 : 8), cursor_(window.head, big_endian) {
    cursor_.Bytes(8);
  }

  Walk ReadPairs() {
    const auto tensors = cursor_.Number(count_bytes_);
    const auto pairs = cursor_.Number(count_bytes_);
    if (!tensors || !pairs || *tensors > size_ / kMinTensorBytes || *pairs > size_ / kMinPairBytes) return Walk::kBad;
    for (uint64_t i = 0; i < *pairs; ++i)
      if (const Walk walk = ReadPair(); walk != Walk::kGood) return walk;
    return Walk::kGood;
  }
  bool adapter() const { return adapter_; }

 private:
  Walk ReadString(std::string_view& text) {
    const auto length = cursor_.Number(count_bytes_);
    if (!length) return Walk::kWindowEnded;
    if (*length > size_) return Walk::kBad;
    const auto bytes = cursor_.Bytes(*length);
    if (!bytes) return Walk::kWindowEnded;
    text = *bytes;
    return Walk::kGood;
  }

  Walk ReadPair() {
    std::string_view key, value;
    if (const Walk walk = ReadString(key); walk != Walk::kGood) return walk;
    if (key.empty() || key.find('\0') != std::string_view::npos) return Walk::kBad;
    const auto type = cursor_.Number(4);
    if (!type) return Walk::kWindowEnded;
    const Walk walk = ReadValue(*type, 0, value);
    if (key == "general.type" && value == "adapter") adapter_ = true;
    return walk;
  }

  Walk ReadValue(uint64_t type, int depth, std::string_view& text) {
    if (type >= kTypes) return Walk::kBad;
    if (type == kString) return ReadString(text);
    if (type == kArray) return ReadArray(depth);
    return cursor_.Bytes(kValueBytes[type]) ? Walk::kGood : Walk::kWindowEnded;
  }

  Walk ReadArray(int depth) {
    const auto type = cursor_.Number(4);
    const auto count = cursor_.Number(count_bytes_);
    if (!type || !count) return Walk::kWindowEnded;
    if (*type >= kTypes || *count > size_ || depth >= kMaxArrayDepth) return Walk::kBad;
    std::string_view ignored;
    if (kValueBytes[*type] != 0)  // no overflow: both factors are below 2^60
      return cursor_.Bytes(*count * kValueBytes[*type]) ? Walk::kGood : Walk::kWindowEnded;
    for (uint64_t i = 0; i < *count; ++i)
      if (const Walk walk = ReadValue(*type, depth + 1, ignored); walk != Walk::kGood) return walk;
    return Walk::kGood;
  }

  uint64_t size_;
  size_t count_bytes_;
  ByteCursor cursor_;
  bool adapter_ = false;
};

}  // namespace

std::optional<Identity> ProbeGguf(const FileWindow& window) {
  if (!window.HeadHas(0, "GGUF")) return std::nullopt;
  ByteCursor cursor(window.head);
  cursor.Bytes(4);
  const uint64_t little = cursor.Number(4).value_or(0);
  const bool big_endian = (little & 0xffff) == 0;
  const uint64_t version = big_endian ? little >> 24 : little;
  if (version < 1 || version > 3) return Identity{"gguf", "model", 0.5};
  GgufReader reader(window, static_cast<uint32_t>(version), big_endian);
  const Walk walk = reader.ReadPairs();
  // Malformed is still worth watching: some reader may take it.
  const double confidence = walk == Walk::kBad ? 0.6 : 0.99;
  return Identity{"gguf", reader.adapter() ? "adapter" : ClassOfWeights(window.name), confidence};
}

}  // namespace tensorwarden
