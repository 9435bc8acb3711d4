// The verbs below `tensorwarden rules`.
#pragma once

#include <absl/status/statusor.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "agent/author/rule_book.h"
#include "agent/cli/common.h"
#include "agent/cli/verbs.h"
#include "agent/daemon/rule_source.h"

namespace tensorwarden {

struct RulesFlags : ChoiceFlags {
  std::string config;
  std::vector<std::string> paths;
  bool json = false;
};

void AddRulesFlags(CLI::App& verb, RulesFlags& flags);
// `--rules`, for verbs whose other arguments name something else.
void AddRulesOption(CLI::App& verb, RulesFlags& flags);
struct RuleInputs {
  AgentConfig config;  // the defaults, where the config is not asked
  std::vector<RuleFile> files;
  RuleOptions options;  // which of the rules would run
};
// The paths' texts; without any, those of the config's rules, else the shipped ones. The config's choice of rules
// counts where the config is named or its rules are taken; that of the flags always.
absl::StatusOr<RuleInputs> InputsFromFlags(const RulesFlags& flags);
// The same, which must load: InvalidArgument says why it does not.
absl::StatusOr<std::unique_ptr<author::RuleBook>> BookFromFlags(const RulesFlags& flags);

void AddRulesCheck(CLI::App& rules, Action& action);
void AddRulesExplain(CLI::App& rules, Action& action);
void AddRulesList(CLI::App& rules, Action& action);
void AddRulesFields(CLI::App& rules, Action& action);
void AddRulesCoverage(CLI::App& rules, Action& action);
void AddRulesTest(CLI::App& rules, Action& action);

}  // namespace tensorwarden
