#include "agent/cli/common.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace tensorwarden {
namespace {

constexpr const char* kDefaultConfig = "/etc/tensorwarden/tensorwarden.yaml";

AlertFormat FormatFromFlag(const std::string& text) {
  if (text == "falco") return AlertFormat::kFalco;
  return text == "text" ? AlertFormat::kText : AlertFormat::kJson;
}

}  // namespace

void AddCommonFlags(CLI::App& verb, CommonFlags& flags) {
  verb.add_option("--config", flags.config, fmt::format("Config file (default {})", kDefaultConfig))->type_name("F");
  verb.add_option("--rules", flags.rules,
                  "Rule file or directory; repeatable (default: the config's, else the shipped ones)")
      ->type_name("F|DIR")
      ->take_all()
      ->allow_extra_args(false);  // what follows is the next argument, not a second path
  verb.add_option("--output", flags.output, "Alerts on stdout as json, text or falco")
      ->check(CLI::IsMember({"json", "text", "falco"}));
}

absl::StatusOr<AgentConfig> ConfigFromFlags(const CommonFlags& flags) {
  absl::StatusOr<AgentConfig> config =
      LoadConfig(flags.config.empty() ? kDefaultConfig : flags.config, !flags.config.empty());
  if (config.ok() && !flags.output.empty()) {
    std::erase_if(config->outputs, [](const SinkConfig& sink) { return sink.type == "stdout"; });
    config->outputs.push_back(SinkConfig{.type = "stdout", .format = FormatFromFlag(flags.output)});
  }
  if (config.ok() && config->outputs.empty()) config->outputs.emplace_back();
  return config;
}

absl::StatusOr<LoadedRules> RulesFromFlags(const CommonFlags& flags, const AgentConfig& config) {
  absl::StatusOr<LoadedRules> rules = LoadRules(flags.rules.empty() ? config.rules : flags.rules);
  if (!rules.ok()) return rules;
  for (const RuleProblem& warning : rules->warnings) {
    fmt::print(stderr, "tensorwarden: warning: {}:{}:{}: {}\n", warning.path, warning.line, warning.column,
               warning.message);
  }
  return rules;
}

absl::StatusOr<absl::Duration> DurationFromFlag(const std::string& text) {
  absl::Duration duration;
  if (text.empty()) return absl::InfiniteDuration();
  if (!absl::ParseDuration(text, &duration) || duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(fmt::format("--duration '{}': want a time like 30s, 5m or 1h", text));
  }
  return duration;
}

void PrintJson(const nlohmann::ordered_json& document) {
  fmt::print("{}\n", document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

int Fail(const absl::Status& status) {
  std::string message(status.message());
  std::replace(message.begin(), message.end(), '\n', ' ');
  fmt::print(stderr, "tensorwarden: {}\n", message);
  return 1;
}

}  // namespace tensorwarden
