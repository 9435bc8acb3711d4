#include "agent/daemon/alert_slices.h"

#include <absl/time/time.h>
#include <spdlog/spdlog.h>

#include "agent/base/clock.h"
#include "agent/base/status_text.h"

namespace tensorwarden {

absl::StatusOr<std::unique_ptr<AlertSlices>> AlertSlices::Create(const AgentConfig& config, Analysis& analysis) {
  auto slices = std::unique_ptr<AlertSlices>(new AlertSlices(config.recorder.on_alert));
  if (config.recorder.max_bytes == 0) return slices;
  FlightRecorderConfig flight = config.recorder;
  if (flight.dir.empty()) flight.dir = config.state_dir + "/slices";
  const auto restate = [&analysis] {
    return analysis.host().Restate({.detector_state = analysis.DetectorState(), .rule_state = analysis.RuleState()});
  };
  absl::StatusOr<std::unique_ptr<FlightRecorder>> recorder = FlightRecorder::Create(std::move(flight), restate);
  if (!recorder.ok()) return recorder.status();
  slices->recorder_ = *std::move(recorder);
  return slices;
}

// Only what opens a matter: its updates are about the same.
void AlertSlices::Save(Alert& alert) {
  const bool wanted = alert.wants_capture || static_cast<int>(alert.priority) <= on_alert_;
  if (!recorder_ || !wanted || alert.activity != "open") return;
  const std::string name =
      absl::FormatTime("%Y%m%dT%H%M%E3SZ-", absl::FromUnixNanos(alert.time_ns), absl::UTCTimeZone());
  absl::StatusOr<std::string> path =
      recorder_->Save(name + alert.id, BoottimeNs(), absl::Nanoseconds(alert.capture_ns));
  if (path.ok()) {
    alert.capture = *std::move(path);
  } else {
    spdlog::error("alert {} has no slice: {}", alert.id, StatusText(path.status()));
  }
}

void AlertSlices::Tick(bool stop) {
  if (!recorder_) return;
  if (absl::Status status = recorder_->Tick(BoottimeNs(), stop); !status.ok()) {
    spdlog::error("a slice of the flight recorder ends early: {}", StatusText(status));
  }
}

std::optional<FlightRecorderStats> AlertSlices::stats() const {
  if (!recorder_) return std::nullopt;
  return recorder_->stats();
}

}  // namespace tensorwarden
