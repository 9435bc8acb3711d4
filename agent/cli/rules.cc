#include <csignal>
#include <utility>

#include "agent/cli/common.h"
#include "agent/cli/rules_verbs.h"

namespace tensorwarden {

void AddRulesFlags(CLI::App& verb, RulesFlags& flags) {
  verb.add_option("paths", flags.paths, "Rule files or directories (default: the config's, else the shipped ones)")
      ->type_name("FILE|DIR");
  verb.add_option("--config", flags.config, "Config file, for where the rules are and which of them run")
      ->type_name("F");
  verb.add_flag("--json", flags.json, "For machines");
  AddChoiceFlags(verb, flags);
}

void AddRulesOption(CLI::App& verb, RulesFlags& flags) {
  verb.add_option("--rules", flags.paths, "Rule file or directory; repeatable (default: the shipped ones)")
      ->type_name("F|DIR")
      ->take_all()
      ->allow_extra_args(false);
  verb.add_option("--config", flags.config, "Config file, for where the rules are and which of them run")
      ->type_name("F");
  verb.add_flag("--json", flags.json, "For machines");
}

absl::StatusOr<RuleInputs> InputsFromFlags(const RulesFlags& flags) {
  RuleInputs inputs;
  std::vector<std::string> paths = flags.paths;
  if (paths.empty() || !flags.config.empty()) {
    CommonFlags common;
    common.config = flags.config;
    absl::StatusOr<AgentConfig> config = ConfigFromFlags(common);
    if (!config.ok()) return config.status();
    inputs.config = *std::move(config);
    inputs.options = inputs.config.rules.options;
    if (paths.empty()) paths = inputs.config.rules.paths;
  }
  absl::StatusOr<RuleOptions> options = OptionsFromFlags(flags, std::move(inputs.options));
  if (!options.ok()) return options.status();
  inputs.options = *std::move(options);
  absl::StatusOr<std::vector<RuleFile>> files = ReadRules(paths);
  if (!files.ok()) return files.status();
  inputs.files = *std::move(files);
  return inputs;
}

absl::StatusOr<std::unique_ptr<author::RuleBook>> BookFromFlags(const RulesFlags& flags) {
  const absl::StatusOr<RuleInputs> inputs = InputsFromFlags(flags);
  if (!inputs.ok()) return inputs.status();
  std::vector<RuleProblem> problems;
  const absl::StatusOr<std::unique_ptr<RuleSet>> rules = RuleSet::Compile(inputs->files, problems, inputs->options);
  if (!rules.ok()) return rules.status();
  return std::make_unique<author::RuleBook>(inputs->files, inputs->options);
}

void AddRules(CLI::App& app, Action& action) {
  CLI::App* rules = app.add_subcommand("rules", "Check, list, explain and test rules");
  rules->require_subcommand(1);
  // These only print: a reader that has seen enough ends them, quietly.
  rules->callback([] { std::signal(SIGPIPE, SIG_DFL); });
  AddRulesCheck(*rules, action);
  AddRulesList(*rules, action);
  AddRulesFields(*rules, action);
  AddRulesTest(*rules, action);
  AddRulesCoverage(*rules, action);
  AddRulesExplain(*rules, action);
}

}  // namespace tensorwarden
