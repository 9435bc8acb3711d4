// From when to when a replay alerts.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <limits>
#include <string>

#include "agent/event/event.h"

namespace tensorwarden {

// A time of the clock, or one after the capture's first event.
struct ReplayTime {
  bool offset = false;
  int64_t ns = 0;  // CLOCK_REALTIME, or since the first event
};

// "2026-01-31T10:00:00Z" (any offset and fraction), or "+10m", "+1h30m". Errors: InvalidArgument.
absl::StatusOr<ReplayTime> ParseReplayTime(const std::string& text);

struct ReplayLimits {
  ReplayTime from{.offset = true, .ns = 0};
  ReplayTime to{.offset = true, .ns = std::numeric_limits<int64_t>::max()};  // itself not within
};

class ReplayWindow {
 public:
  enum class Place : uint8_t { kBefore, kWithin, kAfter };

  explicit ReplayWindow(ReplayLimits limits) : limits_(limits) {}

  // Call with every event, in the stream's order: the first one, and AgentStart and ClockTick, say what times mean.
  Place Of(const Event& event);
  // True once the stream is so far past the end that no event within can come any more: events of several CPUs are not
  // quite in order.
  bool Over() const { return over_; }
  // CLOCK_BOOTTIME where the window begins, by what is known now.
  uint64_t FromNs() const { return static_cast<uint64_t>(std::max<int64_t>(0, Boottime(limits_.from))); }

 private:
  int64_t Boottime(const ReplayTime& time) const;

  ReplayLimits limits_;
  bool begun_ = false;
  bool over_ = false;
  int64_t first_ns_ = 0;
  int64_t realtime_offset_ns_ = 0;
};

}  // namespace tensorwarden
