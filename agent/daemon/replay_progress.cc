#include "agent/daemon/replay_progress.h"

#include <fmt/format.h>

#include <string>

namespace tensorwarden {
namespace {

constexpr uint64_t kLookEvery = 4096;  // events
constexpr std::chrono::milliseconds kBetween{200};

double Seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

ReplayProgress::ReplayProgress(std::FILE* out, bool terminal, bool closing)
    : out_(out), terminal_(terminal), closing_(closing) {}

void ReplayProgress::Event(double share, bool slow) {
  ++events_;
  if (!terminal_ || (!slow && events_ % kLookEvery != 0)) return;
  const Clock::time_point now = Clock::now();
  if (now - shown_ >= kBetween) Show(share, now);
}

void ReplayProgress::Show(double share, Clock::time_point now) {
  const double rate = static_cast<double>(events_ - shown_events_) / Seconds(now - shown_);
  const std::string percent = share < 0 ? "" : fmt::format("{:.0f} %, ", share * 100);
  fmt::print(out_, "\r\033[K{}{} events, {:.0f} a second, {} alerts", percent, events_, rate, alerts_);
  std::fflush(out_);
  on_screen_ = true;
  shown_ = now;
  shown_events_ = events_;
}

void ReplayProgress::Clear() {
  if (!on_screen_) return;
  fmt::print(out_, "\r\033[K");
  std::fflush(out_);
  on_screen_ = false;
}

void ReplayProgress::Finish() {
  Clear();
  if (!closing_) return;
  fmt::print(out_, "tensorwarden: {} events, {} alerts in {:.1f} s\n", events_, alerts_,
             Seconds(Clock::now() - start_));
}

}  // namespace tensorwarden
