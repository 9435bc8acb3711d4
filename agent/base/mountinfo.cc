#include "agent/base/mountinfo.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace tensorwarden {
namespace {

constexpr size_t kFieldsBefore = 6;  // the optional fields and their end, "-", come behind
constexpr size_t kEscapeDigits = 3;

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view digits = text.substr(std::min(i + 1, text.size()), kEscapeDigits);
    if (text[i] != '\\' || digits.size() < kEscapeDigits || !std::all_of(digits.begin(), digits.end(), IsOctal)) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
    i += kEscapeDigits;
  }
  return plain;
}

std::vector<std::string_view> Split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// "8:1"; 0 when it is no such thing.
uint64_t Device(std::string_view text) {
  const size_t colon = std::min(text.find(':'), text.size());
  uint64_t major = 0, minor = 0;
  std::from_chars(text.data(), text.data() + colon, major);
  std::from_chars(text.data() + std::min(colon + 1, text.size()), text.data() + text.size(), minor);
  return major << 20 | minor;
}

}  // namespace

// Escapes last: commas in a value are escaped.
std::string Mount::Option(std::string_view name) const {
  for (const std::string_view option : Split(options, ',')) {
    const size_t equals = option.find('=');
    if (equals != std::string_view::npos && option.substr(0, equals) == name)
      return Unescape(option.substr(equals + 1));
  }
  return "";
}

std::vector<Mount> ParseMountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (const std::string_view line : Split(text, '\n')) {
    const std::vector<std::string_view> fields = Split(line, ' ');
    const auto dash = std::find(fields.begin() + static_cast<ptrdiff_t>(std::min(kFieldsBefore, fields.size())),
                                fields.end(), std::string_view("-"));
    Mount mount;
    if (fields.end() - dash < 3) continue;
    if (std::from_chars(fields[0].data(), fields[0].data() + fields[0].size(), mount.id).ec != std::errc()) continue;
    mount.device = Device(fields[2]);
    mount.root = Unescape(fields[3]);
    mount.point = Unescape(fields[4]);
    mount.type = Unescape(dash[1]);
    mount.source = Unescape(dash[2]);
    if (fields.end() - dash > 3) mount.options = dash[3];
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

}  // namespace tensorwarden
