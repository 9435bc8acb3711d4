// Which alerts save a slice of the flight recorder, and what is said when one fails.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>

#include "agent/alert/alert.h"
#include "agent/capture/flight_recorder.h"
#include "agent/config/config.h"
#include "agent/daemon/analysis.h"

namespace tensorwarden {

class AlertSlices {
 public:
  // Does nothing when the config has no recorder. `analysis` must outlive this. Errors: the directory's.
  static absl::StatusOr<std::unique_ptr<AlertSlices>> Create(const AgentConfig& config, Analysis& analysis);

  // Every event, before the analysis takes it.
  void Take(const Event& event) {
    if (recorder_) recorder_->Take(event);
  }
  // Gives the alert the path of its slice, when it is to have one.
  void Save(Alert& alert);
  void Tick(bool stop);
  std::optional<FlightRecorderStats> stats() const;

 private:
  explicit AlertSlices(int on_alert) : on_alert_(on_alert) {}

  const int on_alert_;
  std::unique_ptr<FlightRecorder> recorder_;
};

}  // namespace tensorwarden
