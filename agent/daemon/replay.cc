#include "agent/daemon/replay.h"

#include <absl/time/time.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "agent/capture/capture.h"
#include "agent/daemon/analysis.h"
#include "agent/daemon/capture_source.h"
#include "agent/daemon/replay_progress.h"

namespace tensorwarden {
namespace {

using Sinks = std::vector<std::unique_ptr<Sink>>;

absl::StatusOr<Sinks> OpenSinks(const std::vector<SinkConfig>& outputs) {
  Sinks sinks;
  for (const SinkConfig& output : outputs) {
    absl::StatusOr<std::unique_ptr<Sink>> sink = CreateSink(output);
    if (!sink.ok()) return sink.status();
    sinks.push_back(*std::move(sink));
  }
  return sinks;
}

void CompareDigests(const AgentStart& start, const std::string& config_digest, const std::string& rules_digest) {
  if (start.config_digest.empty()) return;  // of another tool
  if (start.config_digest != config_digest) spdlog::warn("the capture was made with another config: alerts may differ");
  if (start.rules_digest != rules_digest) spdlog::warn("the capture was made with other rules: alerts may differ");
}

class ReplayRun {
 public:
  ReplayRun(CaptureReader& reader, Analysis& analysis, const Sinks& sinks, const ReplayOptions& options)
      : reader_(reader),
        analysis_(analysis),
        sinks_(sinks),
        options_(options),
        window_(options.limits),
        progress_(stderr, options.terminal, options.terminal || options.verbose) {}

  absl::Status Run(const std::string& config_digest, const std::string& rules_digest) {
    if (options_.skip) {
      if (absl::Status status = reader_.Extent().status(); !status.ok()) return status;
    }
    Event event;
    while (!window_.Over()) {
      absl::StatusOr<bool> more = reader_.Next(event);
      if (!more.ok()) return more.status();
      if (!*more) break;
      if (const auto* start = std::get_if<AgentStart>(&event.body)) {
        CompareDigests(*start, config_digest, rules_digest);
      } else if (const auto* reload = std::get_if<RuleReload>(&event.body); reload != nullptr && reload->ok) {
        if (reload->digest != rules_digest) spdlog::warn("the rules were reloaded here, as others: alerts may differ");
      }
      if (absl::Status status = Take(event); !status.ok()) return status;
    }
    progress_.Finish();
    if (!any_within_) WarnOfEmptyWindow();
    return absl::OkStatus();
  }

 private:
  void WarnOfEmptyWindow() {
    const absl::StatusOr<CaptureExtent> extent = reader_.Extent();
    if (!extent.ok() || extent->events == 0) return spdlog::warn("no event of the capture lies within --from and --to");
    const auto text = [&](uint64_t ktime_ns) {
      const absl::Time time = absl::FromUnixNanos(analysis_.host().RealtimeNs(ktime_ns));
      return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
    };
    spdlog::warn("no event lies within --from and --to: the capture holds {} to {}", text(extent->first_ns),
                 text(extent->last_ns));
  }

  absl::Status Take(const Event& event) {
    const ReplayWindow::Place place = window_.Of(event);
    const bool within = place == ReplayWindow::Place::kWithin;
    any_within_ = any_within_ || within;
    const bool slow = within && options_.speed > 0 && Pace(event);
    progress_.Event(reader_.Share(), slow);
    analysis_.Take(event, unused_, alerts_);
    unused_.clear();
    if (within) {
      if (absl::Status status = Deliver(); !status.ok()) return status;
    }
    alerts_.clear();
    // The first tick is the end of the start-up: assets, running processes, restored labels.
    if (!options_.skip || skipped_ || place != ReplayWindow::Place::kBefore) return absl::OkStatus();
    if (!std::holds_alternative<ClockTick>(event.body)) return absl::OkStatus();
    skipped_ = true;
    return reader_.SeekTime(window_.FromNs());
  }

  absl::Status Deliver() {
    for (const Alert& alert : alerts_) {
      progress_.Clear();
      progress_.Alert();
      for (const std::unique_ptr<Sink>& sink : sinks_) {
        if (absl::Status status = sink->Deliver(alert); !status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  // Waits until the event is due; true when it had to.
  bool Pace(const Event& event) {
    const uint64_t now_ns = event.origin.ktime_ns;
    if (!paced_) {
      paced_ = true;
      first_ns_ = now_ns;
      begun_ = std::chrono::steady_clock::now();
    }
    if (now_ns <= first_ns_) return false;
    const double due_seconds = static_cast<double>(now_ns - first_ns_) / 1e9 / options_.speed;
    const auto due = begun_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                  std::chrono::duration<double>(std::min(due_seconds, kLongestSeconds)));
    if (due <= std::chrono::steady_clock::now()) return false;
    std::this_thread::sleep_until(due);
    return true;
  }

  static constexpr double kLongestSeconds = 1e9;  // what a clock can still add

  CaptureReader& reader_;
  Analysis& analysis_;
  const Sinks& sinks_;
  const ReplayOptions& options_;
  ReplayWindow window_;
  ReplayProgress progress_;
  std::vector<HostEffect> unused_;
  std::vector<Alert> alerts_;
  bool any_within_ = false;
  bool skipped_ = false;
  bool paced_ = false;
  uint64_t first_ns_ = 0;  // of the first event within
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace

absl::Status Replay(const std::string& path, const AgentConfig& config, LoadedRules rules,
                    const ReplayOptions& options) {
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = OpenCapture(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<Sinks> sinks = OpenSinks(config.outputs);
  if (!sinks.ok()) return sinks.status();
  absl::StatusOr<std::unique_ptr<Analysis>> analysis = Analysis::Create(config, std::move(rules.rules));
  if (!analysis.ok()) return analysis.status();
  ReplayRun run(**reader, **analysis, *sinks, options);
  if (absl::Status status = run.Run(config.digest, rules.digest); !status.ok()) return status;
  if ((*reader)->TornTail()) spdlog::warn("'{}' ends in a torn frame: what came after it is missing", path);
  return absl::OkStatus();
}

}  // namespace tensorwarden
