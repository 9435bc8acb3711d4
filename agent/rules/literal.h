// Literals of conditions: numbers with units, and patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tensorwarden::rules {

// 12, -0.5, 1e6, 0x1f, 1% (0.01), 64MiB, 10MB (bytes), 5m, 250ms (seconds). nullopt when it is no number.
std::optional<double> ParseNumber(std::string_view text);

// '*' any run, '?' one byte, [a-z] and [!a-z] a class, '\' takes the next byte literally. A '/' is like any other byte.
// Time is bounded by pattern length times text length.
bool GlobMatch(std::string_view pattern, std::string_view text);

// ASCII only.
std::string ToLower(std::string_view text);
bool ContainsIgnoringCase(std::string_view text, std::string_view lower_needle);

// `text` is `prefix` or lies below it, by whole path components.
bool PathBelow(std::string_view text, std::string_view prefix);

}  // namespace tensorwarden::rules
