#include "agent/config/values.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include "agent/enrich/nearest.h"

namespace tensorwarden::config {
namespace {

absl::Status Wrong(const std::string& message) { return absl::InvalidArgumentError(message); }

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kByteUnits[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1024.0},
    {"MiB", 1048576.0},
    {"GiB", 1073741824.0},
    {"TiB", 1024.0 * 1073741824.0},
    {"kB", 1e3},
    {"KB", 1e3},
    {"MB", 1e6},
    {"GB", 1e9},
    {"TB", 1e12},
};
constexpr Unit kTimeUnits[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

// Takes a number without sign or exponent off the front.
bool TakeNumber(std::string_view& text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || text.front() == '-') return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool TakeUnit(std::string_view& text, std::span<const Unit> units, double& factor) {
  const size_t size = static_cast<size_t>(
      std::find_if_not(text.begin(), text.end(), [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }) -
      text.begin());
  const std::string_view name = text.substr(0, size);
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  if (unit == units.end()) return false;
  factor = unit->factor;
  text.remove_prefix(size);
  return true;
}

std::string BytesText(uint64_t bytes) {
  constexpr std::pair<uint64_t, const char*> kUnits[] = {
      {uint64_t{1} << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}};
  for (const auto& [size, name] : kUnits) {
    if (bytes >= size && bytes % size == 0) return fmt::format("{}{}", bytes / size, name);
  }
  return fmt::format("{}", bytes);
}

std::string TimeText(absl::Duration duration) {
  const int64_t days = absl::ToInt64Hours(duration) / 24;
  if (days > 0 && absl::Hours(24 * days) == duration) return fmt::format("{}d", days);
  return absl::FormatDuration(duration);
}

// Seconds of "1h30m"; negative when it is none.
double ParseSeconds(std::string_view text) {
  double seconds = 0;
  if (text.empty()) return -1;
  while (!text.empty()) {
    double number = 0, factor = 0;
    if (!TakeNumber(text, number) || !TakeUnit(text, kTimeUnits, factor)) return -1;
    seconds += number * factor;
  }
  return seconds;
}

bool IsAddress(const std::string& text, int* bits) {
  unsigned char address[16];
  *bits = inet_pton(AF_INET, text.c_str(), address) == 1 ? 32 : 128;
  return *bits == 32 || inet_pton(AF_INET6, text.c_str(), address) == 1;
}

}  // namespace

ValueParser<bool> Boolean() {
  return [](const std::string& text) -> absl::StatusOr<bool> {
    if (text == "true") return true;
    if (text == "false") return false;
    return Wrong(fmt::format("'{}' is neither true nor false", text));
  };
}

ValueParser<uint64_t> Count(uint64_t min, uint64_t max) {
  return [=](const std::string& text) -> absl::StatusOr<uint64_t> {
    std::string digits = text;
    std::erase(digits, '_');
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole = end == digits.data() + digits.size() && !digits.empty();
    if (!whole || error == std::errc::invalid_argument) {
      return Wrong(fmt::format("'{}' is no whole number; allowed: {} to {}", text, min, max));
    }
    if (error != std::errc() || value < min || value > max) {
      return Wrong(fmt::format("{} is out of range; allowed: {} to {}", text, min, max));
    }
    return value;
  };
}

ValueParser<uint64_t> ByteSize(uint64_t min, uint64_t max) {
  return [=](const std::string& text) -> absl::StatusOr<uint64_t> {
    std::string_view rest = text;
    double number = 0, factor = 0;
    if (!TakeNumber(rest, number) || !TakeUnit(rest, kByteUnits, factor) || !rest.empty()) {
      return Wrong(fmt::format("'{}' is no size; write for example 64MiB", text));
    }
    const double bytes = number * factor;
    if (bytes < static_cast<double>(min) || bytes > static_cast<double>(max)) {
      return Wrong(fmt::format("{} is out of range; allowed: {} to {}", text, BytesText(min), BytesText(max)));
    }
    return static_cast<uint64_t>(bytes);
  };
}

ValueParser<uint64_t> PowerOfTwo(uint64_t min, uint64_t max) {
  return [size = ByteSize(min, max)](const std::string& text) -> absl::StatusOr<uint64_t> {
    absl::StatusOr<uint64_t> bytes = size(text);
    if (bytes.ok() && (*bytes & (*bytes - 1)) != 0) {
      return Wrong(fmt::format("{} is no power of two; write for example 8MiB", text));
    }
    return bytes;
  };
}

ValueParser<absl::Duration> Time(absl::Duration min, absl::Duration max) {
  return [=](const std::string& text) -> absl::StatusOr<absl::Duration> {
    const double seconds = ParseSeconds(text);
    if (seconds < 0) return Wrong(fmt::format("'{}' is no duration; write for example 30s, 5m, 24h or 7d", text));
    const absl::Duration duration = absl::Seconds(seconds);
    if (duration < min || duration > max) {
      return Wrong(fmt::format("{} is out of range; allowed: {} to {}", text, TimeText(min), TimeText(max)));
    }
    return duration;
  };
}

ValueParser<double> Share(double above, double max) {
  return [=](const std::string& text) -> absl::StatusOr<double> {
    std::string_view rest = text;
    double share = 0;
    if (!TakeNumber(rest, share) || (!rest.empty() && rest != "%")) {
      return Wrong(fmt::format("'{}' is no share; write for example 10% or 0.1", text));
    }
    if (rest == "%") share /= 100;
    if (share <= above || share > max) {
      return Wrong(
          fmt::format("{} is out of range; allowed: more than {:g}% up to {:g}%", text, above * 100, max * 100));
    }
    return share;
  };
}

ValueParser<double> Number(double min, double max) {
  return [=](const std::string& text) -> absl::StatusOr<double> {
    std::string_view rest = text;
    double number = 0;
    if (!TakeNumber(rest, number) || !rest.empty()) return Wrong(fmt::format("'{}' is no number", text));
    if (number < min || number > max) {
      return Wrong(fmt::format("{} is out of range; allowed: {:g} to {:g}", text, min, max));
    }
    return number;
  };
}

ValueParser<std::string> Text(size_t max_bytes) {
  return [=](const std::string& text) -> absl::StatusOr<std::string> {
    if (text.empty()) return Wrong("must not be empty");
    if (text.size() > max_bytes) return Wrong(fmt::format("longer than {} bytes", max_bytes));
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
      return Wrong("holds a control character");
    }
    return text;
  };
}

ValueParser<std::string> AbsolutePath() {
  return [text_of = Text(4095)](const std::string& text) -> absl::StatusOr<std::string> {
    absl::StatusOr<std::string> path = text_of(text);
    if (path.ok() && path->front() != '/') return Wrong(fmt::format("'{}' must be an absolute path", text));
    return path;
  };
}

ValueParser<std::string> AddressOrBlock() {
  return [](const std::string& text) -> absl::StatusOr<std::string> {
    const size_t slash = text.find('/');
    int bits = 0;
    bool good = IsAddress(text.substr(0, slash), &bits);
    if (good && slash != std::string::npos) {
      good = Count(0, static_cast<uint64_t>(bits))(text.substr(slash + 1)).ok();
    }
    if (!good) return Wrong(fmt::format("'{}' is no address or block; write for example 10.0.0.1 or 10.0.0.0/8", text));
    return text;
  };
}

ValueParser<std::string> HeaderName() {
  return [](const std::string& text) -> absl::StatusOr<std::string> {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";  // RFC 9110 token
    std::string name = text;
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
    if (name.empty() || name.size() > 64 || name.find_first_not_of(kAllowed) != std::string::npos) {
      return Wrong(fmt::format("'{}' is no HTTP header name", text));
    }
    return name;
  };
}

ValueParser<std::string> OneOf(std::vector<std::string> names) {
  return [names = std::move(names)](const std::string& text) -> absl::StatusOr<std::string> {
    if (std::find(names.begin(), names.end(), text) != names.end()) return text;
    const std::string_view near = Nearest(text, {names.begin(), names.end()});
    return Wrong(fmt::format("'{}' is not known{}; allowed: {}", text,
                             near.empty() ? "" : fmt::format(", did you mean '{}'?", near), fmt::join(names, ", ")));
  };
}

std::string_view Nearest(std::string_view name, const std::vector<std::string_view>& known) {
  const std::vector<std::string_view> near = NearestNames(name, known);
  return near.empty() ? std::string_view() : near.front();
}

}  // namespace tensorwarden::config
