// The two clocks: events are stamped in boot time, people read real time. Only the agent's edge reads either.
#pragma once

#include <cstdint>
#include <ctime>

namespace tensorwarden {

inline int64_t ClockNs(clockid_t clock) {
  timespec ts{};
  clock_gettime(clock, &ts);
  return int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

inline uint64_t BoottimeNs() { return static_cast<uint64_t>(ClockNs(CLOCK_BOOTTIME)); }

// CLOCK_REALTIME - CLOCK_BOOTTIME.
inline int64_t RealtimeOffsetNs() { return ClockNs(CLOCK_REALTIME) - ClockNs(CLOCK_BOOTTIME); }

}  // namespace tensorwarden
