#include "agent/daemon/replay_window.h"

#include <absl/time/time.h>
#include <fmt/format.h>

namespace tensorwarden {
namespace {

constexpr int64_t kDisorderNs = 10'000'000'000;

int64_t Sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace

absl::StatusOr<ReplayTime> ParseReplayTime(const std::string& text) {
  if (text.starts_with('+')) {
    absl::Duration offset;
    if (absl::ParseDuration(text.substr(1), &offset) && offset >= absl::ZeroDuration()) {
      return ReplayTime{.offset = true, .ns = absl::ToInt64Nanoseconds(offset)};
    }
  } else {
    absl::Time time;
    std::string why;
    // A date alone parses too; it would be midnight UTC, which nobody means.
    if (text.find('T') != std::string::npos && absl::ParseTime(absl::RFC3339_full, text, &time, &why)) {
      return ReplayTime{.offset = false, .ns = absl::ToUnixNanos(time)};
    }
  }
  return absl::InvalidArgumentError(fmt::format(
      "'{}' is no time; write 2026-01-31T10:00:00Z, or +10m for ten minutes after the capture's first event", text));
}

int64_t ReplayWindow::Boottime(const ReplayTime& time) const {
  return time.offset ? Sum(first_ns_, time.ns) : Sum(time.ns, -realtime_offset_ns_);
}

ReplayWindow::Place ReplayWindow::Of(const Event& event) {
  const int64_t now_ns = static_cast<int64_t>(event.origin.ktime_ns);
  if (const auto* start = std::get_if<AgentStart>(&event.body)) realtime_offset_ns_ = start->realtime_offset_ns;
  if (const auto* tick = std::get_if<ClockTick>(&event.body)) realtime_offset_ns_ = tick->realtime_offset_ns;
  if (!begun_ && now_ns != 0) {
    begun_ = true;
    first_ns_ = now_ns;
  }
  const int64_t to_ns = Boottime(limits_.to);
  if (now_ns >= to_ns) {
    over_ = over_ || now_ns >= Sum(to_ns, kDisorderNs);
    return Place::kAfter;
  }
  return now_ns < Boottime(limits_.from) ? Place::kBefore : Place::kWithin;
}

}  // namespace tensorwarden
