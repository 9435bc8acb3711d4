#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/base/status_text.h"
#include "agent/cli/common.h"
#include "agent/cli/verbs.h"
#include "agent/daemon/asset_roots.h"
#include "agent/daemon/demand.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {
namespace {

struct CheckFlags {
  CommonFlags common;
  bool json = false;
};

nlohmann::ordered_json ToJson(const SensorCheck& check, const std::vector<AssetRoot>& roots) {
  nlohmann::ordered_json out;
  out["kernel"] = check.kernel;
  for (const Capability& row : check.capabilities) {
    out["capabilities"].push_back({{"name", row.name}, {"present", row.present}, {"why", row.why}});
  }
  for (const ProbeRow& row : check.probes) {
    out["probes"].push_back(
        {{"group", row.group}, {"program", row.program}, {"tier", row.tier}, {"state", row.state}, {"why", row.why}});
  }
  out["asset_roots"] = nlohmann::ordered_json::array();
  for (const AssetRoot& row : roots) {
    out["asset_roots"].push_back({{"path", row.path},
                                  {"filesystem", row.filesystem},
                                  {"read", row.read},
                                  {"map", row.map},
                                  {"change", row.change},
                                  {"note", row.note}});
  }
  return out;
}

void PrintTables(const SensorCheck& check, const std::vector<AssetRoot>& roots) {
  fmt::print("kernel {}\n\n{:<18} {:<4} {}\n", check.kernel, "CAPABILITY", "", "WHY NOT");
  for (const Capability& row : check.capabilities) {
    fmt::print("{:<18} {:<4} {}\n", row.name, row.present ? "yes" : "no", row.why);
  }
  fmt::print("\n{:<16} {:<12} {:<10} {:<26} {}\n", "PROBE", "TIER", "STATE", "PROGRAM", "WHY NOT");
  for (const ProbeRow& row : check.probes) {
    fmt::print("{:<16} {:<12} {:<10} {:<26} {}\n", row.group, row.tier, row.state, row.program, row.why);
  }
  fmt::print("\n{:<40} {:<10} {:<10} {:<10} {:<10} {}\n", "ASSET ROOT", "FS", "READ", "MAP", "CHANGE", "NOTE");
  for (const AssetRoot& row : roots) {
    fmt::print("{:<40} {:<10} {:<10} {:<10} {:<10} {}\n", row.path, row.filesystem, row.read, row.map, row.change,
               row.note);
  }
}

int RunCheck(const CheckFlags& flags) {
  absl::StatusOr<AgentConfig> config = ConfigFromFlags(flags.common);
  if (!config.ok()) return Fail(config.status());
  // As the agent would start with these rules; it would not with rules that have an error.
  const absl::StatusOr<LoadedRules> rules = RulesFromFlags(flags.common, *config);
  if (rules.ok()) config->sensor.demand = DemandOf((*rules).rules->Needs());
  if (!rules.ok()) fmt::print(stderr, "tensorwarden: warning: {}\n", StatusText(rules.status()));
  absl::StatusOr<SensorCheck> check = CheckSensor(config->sensor);
  if (!check.ok()) return Fail(check.status());
  const std::vector<AssetRoot> roots = CheckAssetRoots(*config, *check);
  if (flags.json) {
    fmt::print("{}\n", ToJson(*check, roots).dump());
  } else {
    PrintTables(*check, roots);
  }
  return 0;
}

}  // namespace

void AddCheck(CLI::App& app, Action& action) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* verb = app.add_subcommand("check", "What this kernel offers, which probes would load, what is seen where");
  verb->add_option("--config", flags->common.config, "Config file, for the asset roots")->type_name("F");
  verb->add_option("--rules", flags->common.rules,
                   "Rule file or directory, for what they ask of the sensor; repeatable")
      ->type_name("F|DIR")
      ->take_all()
      ->allow_extra_args(false);
  verb->add_flag("--json", flags->json, "One JSON document");
  verb->callback([flags, &action] { action = [flags] { return RunCheck(*flags); }; });
}

}  // namespace tensorwarden
