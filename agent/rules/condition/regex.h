// A regular expression, and what a text cannot match it without.
#pragma once

#include <re2/re2.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tensorwarden::rules {

struct Regex {
  std::unique_ptr<re2::RE2> matcher;
  size_t size = 0;  // instructions; RE2 allows 16 384 within 1 MiB
  // Of every text that matches; "" when nothing is known, or too little to be of use.
  std::string prefix;
  std::string needed;  // somewhere in it, without regard to the case of ASCII letters
};

// nullopt with `error` when it is no regular expression or needs more than 1 MiB.
std::optional<Regex> CompileRegex(const std::string& pattern, std::string& error);

}  // namespace tensorwarden::rules
