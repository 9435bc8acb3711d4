// Literals of conditions: numbers with units, and patterns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tensorwarden::rules {

// 12, -0.5, 1e6, 0x1f, 1% (0.01), 64MiB, 10MB (bytes), 5m, 250ms (seconds). nullopt when it is no number.
std::optional<double> ParseNumber(std::string_view text);

// The same with what its unit counts: a field in nanoseconds must know 5s from 5.
struct Quantity {
  enum class Of : uint8_t { kPlain, kShare, kBytes, kSeconds };
  double value = 0;
  Of of = Of::kPlain;
};
std::optional<Quantity> ParseQuantity(std::string_view text);

// The bytes that pairs of hexadecimal digits stand for. nullopt when `digits` is no such text.
std::optional<std::string> HexBytes(std::string_view digits);

// '*' any run, '?' one byte, [a-z] and [!a-z] a class, '\' takes the next byte literally. A '/' is like any other byte.
// Time is bounded by pattern length times text length.
bool GlobMatch(std::string_view pattern, std::string_view text);

// ASCII only.
std::string ToLower(std::string_view text);
bool ContainsIgnoringCase(std::string_view text, std::string_view lower_needle);

// `text` is `prefix` or lies below it, by whole path components.
bool PathBelow(std::string_view text, std::string_view prefix);
// The same with wildcards in `pattern`, none of which crosses a '/'.
bool PathBelowGlob(std::string_view text, std::string_view pattern);
bool HasWildcard(std::string_view pattern);

}  // namespace tensorwarden::rules
