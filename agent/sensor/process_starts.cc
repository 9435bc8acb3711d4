#include "agent/sensor/process_starts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "agent/base/files.h"

namespace tensorwarden {
namespace {

constexpr int kStateField = 0;  // counted from the first one behind the command's name
constexpr int kStartField = 19;
constexpr size_t kMaxStatBytes = 8192;

// The name may hold spaces and brackets: fields are counted from the last bracket.
std::string_view Field(std::string_view stat, int index) {
  const size_t bracket = stat.rfind(')');
  if (bracket == std::string_view::npos || bracket + 2 > stat.size()) return "";
  stat.remove_prefix(bracket + 2);
  for (; index > 0; --index) {
    const size_t space = stat.find(' ');
    if (space == std::string_view::npos) return "";
    stat.remove_prefix(space + 1);
  }
  return stat.substr(0, stat.find(' '));
}

}  // namespace

std::optional<uint64_t> StartTicks(std::string_view stat) {
  const std::string_view text = Field(stat, kStartField);
  uint64_t ticks = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ticks);
  if (error != std::errc() || text.empty() || end != text.data() + text.size()) return std::nullopt;
  return ticks;
}

bool IsAlive(const ProcessKey& process) {
  const absl::StatusOr<std::string> stat = ReadFile(fmt::format("/proc/{}/stat", process.tgid), kMaxStatBytes);
  if (!stat.ok()) return false;
  const std::string_view state = Field(*stat, kStateField);
  if (state == "Z" || state == "X") return false;
  static const uint64_t ns_per_tick = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  return StartTicks(*stat) == process.start_ns / ns_per_tick;
}

void ProcessStarts::Ended(const ProcessKey& process) {
  ended_.push_back(process);
  if (ended_.size() > kMaxEnded || starts_.size() > kMaxEntries) {
    const auto found = starts_.find(ended_.front().tgid);
    if (found != starts_.end() && found->second == ended_.front().start_ns) starts_.erase(found);
    ended_.pop_front();
  }
}

uint64_t ProcessStarts::Find(uint32_t tgid) const {
  const auto found = starts_.find(tgid);
  return found == starts_.end() ? 0 : found->second;
}

}  // namespace tensorwarden
