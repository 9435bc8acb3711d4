#include "agent/enrich/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tensorwarden {
namespace {

constexpr size_t kMaxCompared = 64;
constexpr size_t kMaxOffered = 3;

// Levenshtein distance, one row at a time.
size_t Distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kMaxCompared);
  b = b.substr(0, kMaxCompared);
  std::array<size_t, kMaxCompared + 1> row;
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string_view> NearestNames(std::string_view wanted, const std::vector<std::string_view>& names) {
  struct Candidate {
    size_t distance;
    std::string_view name;
  };
  std::vector<Candidate> candidates;
  const size_t tolerated = std::max<size_t>(2, wanted.size() / 3);
  for (const std::string_view name : names) {
    const size_t distance = Distance(wanted, name);
    const bool extends = wanted.size() >= 3 && name.starts_with(wanted);
    if (distance <= tolerated || extends) candidates.push_back({distance, name});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
  std::vector<std::string_view> nearest;
  for (const Candidate& candidate : candidates) {
    if (nearest.size() == kMaxOffered) break;
    nearest.push_back(candidate.name);
  }
  return nearest;
}

}  // namespace tensorwarden
