#include "agent/rules/condition/literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tensorwarden::rules {
namespace {

using Of = Quantity::Of;

struct Unit {
  std::string_view suffix;
  double factor;
  Of of;
};

constexpr double kKi = 1024, kMi = kKi * kKi, kGi = kMi * kKi, kTi = kGi * kKi;
constexpr Unit kUnits[] = {
    {"", 1, Of::kPlain},        {"%", 0.01, Of::kShare},    {"B", 1, Of::kBytes},       {"kB", 1e3, Of::kBytes},
    {"KB", 1e3, Of::kBytes},    {"MB", 1e6, Of::kBytes},    {"GB", 1e9, Of::kBytes},    {"TB", 1e12, Of::kBytes},
    {"KiB", kKi, Of::kBytes},   {"MiB", kMi, Of::kBytes},   {"GiB", kGi, Of::kBytes},   {"TiB", kTi, Of::kBytes},
    {"ns", 1e-9, Of::kSeconds}, {"us", 1e-6, Of::kSeconds}, {"ms", 1e-3, Of::kSeconds}, {"s", 1, Of::kSeconds},
    {"m", 60, Of::kSeconds},    {"h", 3600, Of::kSeconds},  {"d", 86400, Of::kSeconds},
};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<Quantity> ParseHex(std::string_view digits, double sign) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return Quantity{sign * static_cast<double>(value), Of::kPlain};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Length of the class at pattern[0] == '[', or 0 when it is not closed and so stands for itself.
size_t ClassLength(std::string_view pattern) {
  const size_t first = pattern.size() > 1 && (pattern[1] == '!' || pattern[1] == '^') ? 3 : 2;
  const size_t end = pattern.size() > first ? pattern.find(']', first) : std::string_view::npos;
  return end == std::string_view::npos ? 0 : end + 1;
}

bool ClassHas(std::string_view members, char c) {
  const bool negated = members.front() == '!' || members.front() == '^';
  if (negated) members.remove_prefix(1);
  bool found = false;
  for (size_t i = 0; i < members.size(); ++i) {
    const bool range = i + 2 < members.size() && members[i + 1] == '-';
    const char low = members[i];
    const char high = range ? members[i + 2] : low;
    if (range) i += 2;
    found = found || (c >= low && c <= high);
  }
  return found != negated;
}

// Matches one byte against the head of `pattern`, which is no '*'; 0 when it does not match, else the head's length.
size_t MatchOne(std::string_view pattern, char c) {
  if (pattern.empty()) return 0;
  if (pattern[0] == '?') return 1;
  if (pattern[0] == '\\' && pattern.size() > 1) return pattern[1] == c ? 2 : 0;
  if (pattern[0] == '[') {
    if (const size_t length = ClassLength(pattern); length != 0) {
      return ClassHas(pattern.substr(1, length - 2), c) ? length : 0;
    }
  }
  return pattern[0] == c ? 1 : 0;
}

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  const std::optional<Quantity> quantity = ParseQuantity(text);
  if (!quantity) return std::nullopt;
  return quantity->value;
}

std::optional<Quantity> ParseQuantity(std::string_view text) {
  double sign = 1;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '.')) return std::nullopt;
  if (text.starts_with("0x") || text.starts_with("0X")) return ParseHex(text.substr(2), sign);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (suffix == unit.suffix) return Quantity{sign * value * unit.factor, unit.of};
  }
  return std::nullopt;
}

std::optional<std::string> HexBytes(std::string_view digits) {
  if (digits.empty() || digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = HexDigit(digits[i]), low = HexDigit(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

bool GlobMatch(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, retry = 0;  // only the last '*' ever needs a second try
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (const size_t length = MatchOne(pattern.substr(p), text[t]); length != 0) {
      p += length;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

bool ContainsIgnoringCase(std::string_view text, std::string_view lower_needle) {
  return std::search(text.begin(), text.end(), lower_needle.begin(), lower_needle.end(),
                     [](char a, char b) { return Lower(a) == b; }) != text.end() ||
         lower_needle.empty();
}

bool PathBelow(std::string_view text, std::string_view prefix) {
  while (prefix.size() > 1 && prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!text.starts_with(prefix)) return false;
  return text.size() == prefix.size() || prefix.ends_with('/') || text[prefix.size()] == '/';
}

bool HasWildcard(std::string_view pattern) { return pattern.find_first_of("*?[") != std::string_view::npos; }

bool PathBelowGlob(std::string_view text, std::string_view pattern) {
  while (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
  while (true) {
    const size_t of_text = std::min(text.find('/'), text.size());
    const size_t of_pattern = std::min(pattern.find('/'), pattern.size());
    if (!GlobMatch(pattern.substr(0, of_pattern), text.substr(0, of_text))) return false;
    if (of_pattern == pattern.size()) return true;
    if (of_text == text.size()) return false;
    text.remove_prefix(of_text + 1);
    pattern.remove_prefix(of_pattern + 1);
  }
}

}  // namespace tensorwarden::rules
