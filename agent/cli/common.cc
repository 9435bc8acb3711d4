#include "agent/cli/common.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "agent/base/status_text.h"
#include "agent/base/text_escape.h"

namespace tensorwarden {
namespace {

constexpr const char* kChoiceGroup = "Choice of rules";
constexpr const char* kDefaultConfig = "/etc/tensorwarden/tensorwarden.yaml";

AlertFormat FormatFromFlag(const std::string& text) {
  if (text == "falco") return AlertFormat::kFalco;
  return text == "text" ? AlertFormat::kText : AlertFormat::kJson;
}

// Repeatable, one value each: what follows is the next argument.
void AddList(CLI::App& verb, const char* names, std::vector<std::string>& values, const char* type, const char* help) {
  verb.add_option(names, values, help)->type_name(type)->take_all()->allow_extra_args(false)->group(kChoiceGroup);
}

absl::Status AddSwitches(const std::vector<std::string>& texts, const char* option, const char* prefix, bool enable,
                         RuleOptions& options) {
  for (const std::string& text : texts) {
    absl::StatusOr<RuleSwitch> one = ParseRuleSwitch(prefix + text, enable);
    if (!one.ok()) return absl::InvalidArgumentError(fmt::format("{}: {}", option, StatusText(one.status())));
    one->path = option;
    options.switches.push_back(*std::move(one));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RuleOptions> OptionsFromFlags(const ChoiceFlags& flags, RuleOptions options) {
  if (!flags.only_tags.empty()) options.switches.push_back({.enable = false, .name = "*"});
  absl::Status status = AddSwitches(flags.only_tags, "--only-tag", "tag:", true, options);
  status.Update(AddSwitches(flags.disabled, "--disable-rule", "", false, options));
  status.Update(AddSwitches(flags.disabled_tags, "--disable-tag", "tag:", false, options));
  status.Update(AddSwitches(flags.enabled, "--enable-rule", "", true, options));
  if (!status.ok()) return status;
  if (!flags.matching.empty()) options.first_match_only = flags.matching == "first";
  if (flags.minimum_priority.empty()) return options;
  const std::optional<Priority> minimum = ParsePriority(flags.minimum_priority);
  if (!minimum) {
    return absl::InvalidArgumentError(
        fmt::format("--minimum-priority '{}': use Emergency, Alert, Critical, Error, Warning, Notice, Informational or "
                    "Debug",
                    flags.minimum_priority));
  }
  options.minimum = *minimum;
  return options;
}

void AddChoiceFlags(CLI::App& verb, ChoiceFlags& flags) {
  AddList(verb, "-t,--only-tag", flags.only_tags, "TAG", "Run only rules with this tag; repeatable");
  AddList(verb, "-D,--disable-rule", flags.disabled, "NAME",
          "Switch rules off: name with wildcards * ? [a-z], or tag:TAG; repeatable");
  AddList(verb, "-T,--disable-tag", flags.disabled_tags, "TAG", "Switch rules with this tag off; repeatable");
  AddList(verb, "--enable-rule", flags.enabled, "NAME", "Switch rules on, after all others; repeatable");
  verb.add_option("--minimum-priority", flags.minimum_priority, "Run no rule below this priority")
      ->type_name("PRIORITY")
      ->group(kChoiceGroup);
}

void AddCommonFlags(CLI::App& verb, CommonFlags& flags) {
  verb.add_option("--config", flags.config, fmt::format("Config file (default {})", kDefaultConfig))->type_name("F");
  verb.add_option("--rules", flags.rules,
                  "Rule file or directory; repeatable (default: the config's, else the shipped ones)")
      ->type_name("F|DIR")
      ->take_all()
      ->allow_extra_args(false);  // what follows is the next argument, not a second path
  verb.add_option("--output", flags.output, "Alerts on stdout as json, text or falco")
      ->check(CLI::IsMember({"json", "text", "falco"}));
  AddChoiceFlags(verb, flags);
  verb.add_option("--rule-matching", flags.matching,
                  "Of the rules that match an event, all alert (the default) or the first in file order")
      ->check(CLI::IsMember({"all", "first"}))
      ->group(kChoiceGroup);
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

absl::StatusOr<LoadedRules> LoadRulesFromFlags(const CommonFlags& flags, const AgentConfig& config) {
  const absl::StatusOr<RuleOptions> options = OptionsFromFlags(flags, config.rules.options);
  if (!options.ok()) return options.status();
  return LoadRules(flags.rules.empty() ? config.rules.paths : flags.rules, *options);
}

absl::StatusOr<LoadedRules> RulesFromFlags(const CommonFlags& flags, const AgentConfig& config) {
  absl::StatusOr<LoadedRules> rules = LoadRulesFromFlags(flags, config);
  if (!rules.ok()) return rules;
  for (const RuleProblem& warning : rules->warnings) {
    fmt::print(stderr, "tensorwarden: warning: {}\n", ProblemLine(warning));
  }
  if (rules->rules->Size() == 0)
    fmt::print(stderr, "tensorwarden: warning: no rule is loaded: nothing will be alerted\n");
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
  fmt::print(stderr, "tensorwarden: {}\n", ToPrintable(message));
  return absl::IsNotFound(status) ? kUsage : 1;
}

}  // namespace tensorwarden
