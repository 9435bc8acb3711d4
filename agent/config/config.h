// The config file: one place that reads it, one struct that the daemon hands out.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "agent/capture/flight_recorder.h"
#include "agent/detect/egress.h"
#include "agent/detect/extraction.h"
#include "agent/detect/integrity.h"
#include "agent/host/asset_spec.h"
#include "agent/host/host_model.h"
#include "agent/rules/ruleset.h"
#include "agent/sensor/sensor.h"
#include "agent/sink/sinks.h"
#include "agent/traffic/http_meter.h"

namespace tensorwarden {

struct RecorderConfig : FlightRecorderConfig {
  int on_alert =
      static_cast<int>(Priority::kCritical);  // alerts of this Priority or a graver one save a slice; -1 none
};

struct RulesConfig {
  std::vector<std::string> paths;  // files or directories; empty: the shipped ones
  RuleOptions options;             // which of their rules run
};

struct AgentConfig {
  std::string state_dir = "/var/lib/tensorwarden";  // saved carriers and budgets, the host's secret
  RulesConfig rules;
  std::vector<AssetSpec> assets;
  bool discover = true;                     // find models without being told
  std::vector<std::string> discover_paths;  // further places to look, beside the known caches
  HostModelConfig host;
  SensorConfig sensor;
  EgressConfig egress;
  IntegrityConfig integrity;
  ExtractionConfig extraction;
  HttpMeterConfig http;
  RecorderConfig recorder;
  std::vector<SinkConfig> outputs;  // empty: stdout as JSON
  std::string digest;               // SHA-256 of the text of all files read, hex
};

// Reads `path`, then conf.d/*.yaml beside it, sorted; later values win, lists are appended. A missing file at the
// default path (/etc/tensorwarden/tensorwarden.yaml) is an empty config; a missing named one is NotFound.
// Errors: InvalidArgument `path:line:column: message`, one line, with the fix: an unknown key names the nearest one.
absl::StatusOr<AgentConfig> LoadConfig(const std::string& path, bool must_exist);

// The same over a text, for tests and the fuzzer. `name` stands for the path in errors.
absl::StatusOr<AgentConfig> ParseConfig(const std::string& name, const std::string& text);

}  // namespace tensorwarden
