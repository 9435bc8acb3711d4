#include "agent/sink/text_escape.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

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

template <class Escape>
std::string Rewrite(std::string_view bytes, Escape escape) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    uint32_t code = 0;
    const size_t size = DecodeUtf8(bytes, code);
    if (size == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<uint8_t>(bytes[0]));
    } else if (escape(code)) {
      out += code < 0x80 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{{{:x}}}", code);
    } else {
      out.append(bytes.substr(0, size));
    }
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace

std::string ToUtf8(std::string_view bytes) {
  return Rewrite(bytes, [](uint32_t) { return false; });
}

std::string ToPrintable(std::string_view bytes) { return Rewrite(bytes, Misleads); }

}  // namespace tensorwarden
