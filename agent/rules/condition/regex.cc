#include "agent/rules/condition/regex.h"

#include <re2/filtered_re2.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace tensorwarden::rules {
namespace {

constexpr int64_t kMaxRegexBytes = 1 << 20;
constexpr int kPrefixBytes = 32;  // of the range that a text must lie in
constexpr int kMinNeeded = 4;     // shorter texts select too little

// All texts of a range have what its ends have in common at the start.
std::string NeededPrefix(const re2::RE2& regex) {
  std::string low, high;
  if (!regex.PossibleMatchRange(&low, &high, kPrefixBytes)) return "";
  const auto end = std::mismatch(low.begin(), low.end(), high.begin(), high.end()).first;
  return end - low.begin() < kMinNeeded ? "" : std::string(low.begin(), end);
}

// RE2 knows which texts it takes to match, but only says whether some of them suffice. One is needed when all the
// others together do not. With flags and beyond ASCII, case has rules of its own.
std::string NeededText(const std::string& pattern, const re2::RE2::Options& options) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (pattern.find("(?") != std::string::npos || !std::all_of(pattern.begin(), pattern.end(), is_ascii)) return "";
  re2::FilteredRE2 filter(kMinNeeded);
  int id = 0;
  if (filter.Add(pattern, options, &id) != re2::RE2::NoError) return "";
  std::vector<std::string> atoms;
  filter.Compile(&atoms);
  std::string longest;
  for (size_t i = 0; i < atoms.size(); ++i) {
    std::vector<int> others(atoms.size()), possible;
    std::iota(others.begin(), others.end(), 0);
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    filter.AllPotentials(others, &possible);
    if (possible.empty() && atoms[i].size() > longest.size()) longest = atoms[i];
  }
  return std::all_of(longest.begin(), longest.end(), is_ascii) ? longest : "";
}

}  // namespace

std::optional<Regex> CompileRegex(const std::string& pattern, std::string& error) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMaxRegexBytes);
  Regex regex;
  regex.matcher = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex.matcher->ok()) {
    error = regex.matcher->error();
    return std::nullopt;
  }
  regex.size = static_cast<size_t>(regex.matcher->ProgramSize());
  regex.prefix = NeededPrefix(*regex.matcher);
  regex.needed = NeededText(pattern, options);
  return regex;
}

}  // namespace tensorwarden::rules
