#include "agent/evidence/proc_maps.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace tensorwarden {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

// Takes a number and the character behind it off the front of `text`.
std::optional<uint64_t> Number(std::string_view& text, int base, char behind) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data() + text.size() || *end != behind) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return value;
}

bool SkipPast(std::string_view& text, char behind) {
  const size_t at = text.find(behind);
  if (at == std::string_view::npos) return false;
  text.remove_prefix(at + 1);
  return true;
}

// "START-END perms offset dev inode   path"
std::optional<Mapping> ParseLine(std::string_view line) {
  const std::optional<uint64_t> start = Number(line, 16, '-');
  const std::optional<uint64_t> end = start ? Number(line, 16, ' ') : std::nullopt;
  const bool executable = line.size() > 2 && line[2] == 'x';
  if (!end || !SkipPast(line, ' ')) return std::nullopt;
  const std::optional<uint64_t> offset = Number(line, 16, ' ');
  if (!offset || !SkipPast(line, ' ')) return std::nullopt;
  const std::optional<uint64_t> inode = Number(line, 10, ' ');
  if (!inode) return std::nullopt;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (line.ends_with(kDeleted)) line.remove_suffix(kDeleted.size());
  return Mapping{.start = *start,
                 .end = *end,
                 .offset = *offset,
                 .inode = *inode,
                 .executable = executable,
                 .path = std::string(line)};
}

}  // namespace

std::vector<Mapping> ParseMaps(std::string_view text) {
  std::vector<Mapping> mappings;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (std::optional<Mapping> mapping = ParseLine(text.substr(0, end))) mappings.push_back(*std::move(mapping));
    text.remove_prefix(end + 1);
  }
  return mappings;
}

const Mapping* FindMapping(const std::vector<Mapping>& mappings, uint64_t address) {
  const auto after = std::upper_bound(mappings.begin(), mappings.end(), address,
                                      [](uint64_t a, const Mapping& mapping) { return a < mapping.start; });
  if (after == mappings.begin()) return nullptr;
  const Mapping& found = *std::prev(after);
  return address < found.end ? &found : nullptr;
}

}  // namespace tensorwarden
