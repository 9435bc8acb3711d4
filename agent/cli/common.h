// What several verbs share: config and rules from flags, errors on stderr.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/daemon/rule_source.h"

namespace tensorwarden {

// Which rules run, after what the config says.
struct ChoiceFlags {
  std::vector<std::string> only_tags, disabled, disabled_tags, enabled;
  std::string minimum_priority;
  std::string matching;
};

struct CommonFlags : ChoiceFlags {
  std::string config;
  std::vector<std::string> rules;
  std::string output;  // "" = as the config says
};

void AddChoiceFlags(CLI::App& verb, ChoiceFlags& flags);  // all but `matching`
void AddCommonFlags(CLI::App& verb, CommonFlags& flags);

// The config's choice with that of the flags behind it. Errors: InvalidArgument names the option.
absl::StatusOr<RuleOptions> OptionsFromFlags(const ChoiceFlags& flags, RuleOptions options);

// Reads the config file and the rules. `--output` adds stdout in that format to the config's outputs.
absl::StatusOr<AgentConfig> ConfigFromFlags(const CommonFlags& flags);
absl::StatusOr<LoadedRules> RulesFromFlags(const CommonFlags& flags, const AgentConfig& config);
// The same without a word about warnings.
absl::StatusOr<LoadedRules> LoadRulesFromFlags(const CommonFlags& flags, const AgentConfig& config);

// "30s", "5m", "1h30m". Errors: InvalidArgument.
absl::StatusOr<absl::Duration> DurationFromFlag(const std::string& text);

// On stdout, on one line; bytes that are no UTF-8 are replaced.
void PrintJson(const nlohmann::ordered_json& document);

// Exit status where the command line itself is wrong, a path that is not there included.
inline constexpr int kUsage = 2;

// Prints `tensorwarden: <message>` as one line on stderr; returns kUsage for NotFound, else 1.
int Fail(const absl::Status& status);

}  // namespace tensorwarden
