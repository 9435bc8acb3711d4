#include "agent/base/text_escape.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace tensorwarden {
namespace {

// Length of the character that `text` starts with, 0 when it starts with none (overlong forms, surrogates and what is
// past U+10FFFF are none). `code` gets its code point.
size_t DecodeUtf8(std::string_view text, uint32_t& code) {
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  const size_t size = lead < 0x80 ? 1 : (lead >> 5) == 6 ? 2 : (lead >> 4) == 14 ? 3 : (lead >> 3) == 30 ? 4 : 0;
  if (size == 0 || size > text.size()) return 0;
  code = size == 1 ? lead : lead & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    const uint8_t next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    code = code << 6 | (next & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kSmallest[size] || surrogate || code > 0x10ffff ? 0 : size;
}

bool Misleads(uint32_t code) {
  constexpr struct {
    uint32_t first, last;
  } kRanges[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200b, 0x200f},
                 {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xe0000, 0xe007f}};
  for (const auto& range : kRanges) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

std::string ByteText(uint8_t byte) { return fmt::format("\\x{:02x}", byte); }

// `text_of` gives what stands for a character, by its code and size in bytes, nullopt when it stands for itself;
// `text_of_bad` what stands for a byte that belongs to none.
template <class TextOf, class TextOfBad>
std::string Rewrite(std::string_view bytes, TextOf text_of, TextOfBad text_of_bad) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    uint32_t code = 0;
    const size_t size = DecodeUtf8(bytes, code);
    if (size == 0) {
      out += text_of_bad(static_cast<uint8_t>(bytes[0]));
    } else if (const std::optional<std::string> text = text_of(code, size)) {
      out += *text;
    } else {
      out.append(bytes.substr(0, size));
    }
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace

std::string ToUtf8(std::string_view bytes) {
  return Rewrite(
      bytes, [](uint32_t, size_t) { return std::nullopt; }, ByteText);
}

std::string ToPrintable(std::string_view bytes) {
  const auto escaped = [](uint32_t code, size_t) -> std::optional<std::string> {
    if (!Misleads(code)) return std::nullopt;
    return code < 0x80 ? ByteText(static_cast<uint8_t>(code)) : fmt::format("\\u{{{:x}}}", code);
  };
  return Rewrite(bytes, escaped, ByteText);
}

std::string ToPrintableInPlace(std::string_view bytes) {
  const auto blank = [](uint32_t code, size_t size) {
    return Misleads(code) ? std::optional<std::string>(std::string(size, ' ')) : std::nullopt;
  };
  return Rewrite(bytes, blank, [](uint8_t) { return " "; });
}

}  // namespace tensorwarden
