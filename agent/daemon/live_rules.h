// The rules of a running agent: read anew when somebody asks, and swapped between two events.
#pragma once

#include <memory>
#include <optional>

#include "agent/daemon/analysis.h"
#include "agent/daemon/rule_reloader.h"
#include "agent/daemon/stats.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

// Of the event thread. All that it is given must outlive it.
class LiveRules {
 public:
  static absl::StatusOr<std::unique_ptr<LiveRules>> Create(RuleReloader::Loader load, Sensor& sensor,
                                                           Analysis& analysis, AgentStats& stats);

  void Request() { reloader_->Request(); }
  int ReadyFd() const { return reloader_->ReadyFd(); }
  // When new rules are ready, or are none: swaps them, or keeps the former ones, and says so. Nothing of it waits for a
  // file or a compiler. The event is the caller's to dispatch.
  std::optional<RuleReload> Take();

 private:
  LiveRules(std::unique_ptr<RuleReloader> reloader, Sensor& sensor, Analysis& analysis, AgentStats& stats)
      : reloader_(std::move(reloader)), sensor_(sensor), analysis_(analysis), stats_(stats) {}

  RuleReload Refuse(const absl::Status& status);
  RuleReload Swap(LoadedRules rules, uint64_t begin_ns);

  std::unique_ptr<RuleReloader> reloader_;
  Sensor& sensor_;
  Analysis& analysis_;
  AgentStats& stats_;
};

}  // namespace tensorwarden
