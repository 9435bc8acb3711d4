// safetensors: a length, a JSON object that maps names to dtype, shape and offsets, then the tensors without a hole.
#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "agent/artifact/families.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's own limit

struct Dtype {
  std::string_view name;
  unsigned bits;
};
constexpr Dtype kDtypes[] = {{"F4", 4},          {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"BOOL", 8},    {"U8", 8},
                             {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
                             {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
                             {"I32", 32},        {"U32", 32},    {"F32", 32},    {"I64", 64},    {"U64", 64},
                             {"F64", 64},        {"C64", 64}};

struct Tensor {
  std::string_view dtype;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> offsets;
};
constexpr size_t kMaxNumbers = 32;  // dimensions of a tensor

// A reader of just this JSON. The text may stop anywhere, because the window does.
class HeaderReader {
 public:
  enum class End : uint8_t { kComplete, kWindow, kBad };

  explicit HeaderReader(std::string_view text) : text_(text) {}

  End Read() {
    if (!Take('{')) return Fail();
    if (Take('}')) return End::kComplete;
    do {
      if (!ReadEntry()) return Fail();
    } while (Take(','));
    return Take('}') ? End::kComplete : Fail();
  }
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  End Fail() const { return at_ >= text_.size() ? End::kWindow : End::kBad; }

  bool Take(char wanted) {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool ReadString(std::string_view& out) {
    if (!Take('"')) return false;
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) {
      at_ = text_.size();
      return false;
    }
    out = text_.substr(start, at_++ - start);
    return true;
  }

  bool ReadNumber(uint64_t& out) {
    Take('\0');  // skips blanks
    const size_t start = at_;
    for (out = 0; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const uint64_t digit = static_cast<uint64_t>(text_[at_] - '0');
      if (out > (std::numeric_limits<uint64_t>::max() - digit) / 10) return false;
      out = out * 10 + digit;
    }
    return at_ > start;
  }

  bool ReadNumbers(std::vector<uint64_t>& out) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (out.size() == kMaxNumbers || !ReadNumber(out.emplace_back())) return false;
    } while (Take(','));
    return Take(']');
  }

  bool ReadEntry() {
    std::string_view name;
    if (!ReadString(name) || !Take(':') || !Take('{')) return false;
    return name == "__metadata__" ? ReadMetadata() : ReadTensor();
  }

  bool ReadMetadata() {
    std::string_view text;
    if (Take('}')) return true;
    do {
      if (!ReadString(text) || !Take(':') || !ReadString(text)) return false;
    } while (Take(','));
    return Take('}');
  }

  bool ReadTensor() {
    Tensor tensor;
    do {
      std::string_view key;
      if (!ReadString(key) || !Take(':')) return false;
      const bool good = key == "dtype"          ? ReadString(tensor.dtype)
                        : key == "shape"        ? ReadNumbers(tensor.shape)
                        : key == "data_offsets" ? ReadNumbers(tensor.offsets)
                                                : false;
      if (!good) return false;
    } while (Take(','));
    if (!Take('}') || tensor.dtype.empty() || tensor.offsets.size() != 2) return false;
    tensors_.push_back(std::move(tensor));
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Tensor> tensors_;
};

bool LengthFits(const Tensor& tensor) {
  if (tensor.offsets[1] < tensor.offsets[0]) return false;
  const auto dtype = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                  [&tensor](const Dtype& known) { return known.name == tensor.dtype; });
  if (dtype == std::end(kDtypes)) return true;  // newer than we are
  uint64_t bits = dtype->bits;
  for (uint64_t dimension : tensor.shape)
    if (__builtin_mul_overflow(bits, dimension, &bits)) return false;
  return bits % 8 == 0 && bits / 8 == tensor.offsets[1] - tensor.offsets[0];
}

// No hole, no overlap, nothing after the last one.
bool Contiguous(std::vector<Tensor> tensors, uint64_t data_bytes) {
  std::sort(tensors.begin(), tensors.end(), [](const Tensor& a, const Tensor& b) { return a.offsets < b.offsets; });
  uint64_t end = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.offsets[0] != end) return false;
    end = tensor.offsets[1];
  }
  return end == data_bytes;
}

}  // namespace

std::optional<Identity> ProbeSafetensors(const FileWindow& window) {
  ByteCursor cursor(window.head);
  const uint64_t length = cursor.Number(8).value_or(0);
  if (length < 2 || length > kMaxHeaderBytes || length > window.size - 8 || !window.HeadHas(8, "{"))
    return std::nullopt;
  HeaderReader reader(std::string_view(window.head).substr(8, length));
  const auto end = reader.Read();
  const auto& tensors = reader.tensors();
  const bool whole = length <= window.head.size() - 8;
  const bool sound = std::all_of(tensors.begin(), tensors.end(), LengthFits) &&
                     (whole ? end == HeaderReader::End::kComplete && Contiguous(tensors, window.size - 8 - length)
                            : end == HeaderReader::End::kWindow);
  const bool named = window.name.ends_with(".safetensors");
  if (tensors.empty() && !named) return std::nullopt;
  // Malformed, or still being written: worth watching all the same.
  const double confidence = !sound ? 0.6 : tensors.empty() ? 0.6 : 0.99;
  return Identity{"safetensors", ClassOfWeights(window.name), confidence};
}

}  // namespace tensorwarden
