// How far a replay is, for who watches it.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace tensorwarden {

class ReplayProgress {
 public:
  // `terminal`: show a line that is written over, at most five times a second; `closing`: a last line that stays.
  ReplayProgress(std::FILE* out, bool terminal, bool closing);

  // Cheap: looks at the clock every few thousand events, or when `slow` says that the replay waits. `share` as
  // CaptureReader::Share().
  void Event(double share, bool slow);
  void Alert() { ++alerts_; }
  // Makes room for another line on the terminal: an alert, say.
  void Clear();
  void Finish();

 private:
  using Clock = std::chrono::steady_clock;
  void Show(double share, Clock::time_point now);

  std::FILE* const out_;
  const bool terminal_;
  const bool closing_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
  uint64_t shown_events_ = 0;
  uint64_t events_ = 0;
  uint64_t alerts_ = 0;
  bool on_screen_ = false;
};

}  // namespace tensorwarden
