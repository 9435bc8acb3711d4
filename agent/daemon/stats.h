// Counters of a running agent, and their JSON.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/capture/flight_recorder.h"
#include "agent/event/event.h"
#include "agent/evidence/collector.h"
#include "agent/host/host_model.h"
#include "agent/rules/ruleset.h"
#include "agent/sensor/sensor.h"
#include "agent/traffic/http_meter.h"

namespace tensorwarden {

// The last 4 096 delays from the kernel's stamp on a record to the delivery of its alert.
class LatencyWindow {
 public:
  void Add(uint64_t ns) { samples_[count_++ % samples_.size()] = ns; }
  // 0 when there is none yet. `share` 0.5 = median.
  uint64_t Quantile(double share) const;

 private:
  std::array<uint64_t, 4096> samples_{};
  uint64_t count_ = 0;
};

struct RuleStats {
  size_t loaded = 0;
  uint64_t reloads = 0;
  uint64_t failed_reloads = 0;
  uint64_t compile_ns = 0;  // of the last reload, beside the event thread
  uint64_t swap_ns = 0;     // longest: how long events waited for new rules
};

struct AgentStats {
  std::array<uint64_t, kEventKindCount> events{};
  std::map<std::string, uint64_t> alerts;  // by activity
  uint64_t undelivered = 0;
  uint64_t failed_effects = 0;
  uint64_t dropped_scans = 0;
  RuleStats rules;
  SensorDemand asked;
  LatencyWindow latency;
  EvidenceStats evidence;
  std::optional<FlightRecorderStats> recorder;
  std::vector<RuleMemoryStats> rule_memory;  // of the rules that have one
};

// One JSON object, documented in docs/operations.md.
std::string StatsJson(const AgentStats& stats, const HostModelStats& host, const HttpMeterStats& http,
                      const std::vector<LostRow>& lost, bool escalated);

}  // namespace tensorwarden
