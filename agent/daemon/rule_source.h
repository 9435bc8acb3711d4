// Which rule files are loaded, compiled, with their digest.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/rules/ruleset.h"

namespace tensorwarden {

struct LoadedRules {
  std::unique_ptr<RuleSet> rules;
  std::string digest;  // SHA-256 of the files' texts and of the choice among them, hex
  std::vector<RuleProblem> warnings;
};

// Beside the binary's build tree, else /usr/share/tensorwarden/rules.
std::string ShippedRules();

// The texts of `paths`; when empty, of the shipped rules. Errors: NotFound with the path.
absl::StatusOr<std::vector<RuleFile>> ReadRules(const std::vector<std::string>& paths);

// Loads `paths`; when empty, the shipped rules: beside the binary's build tree, else /usr/share/tensorwarden/rules.
// What `options` leave out is checked too. Errors: InvalidArgument `path:line:column: message` of the first error;
// NotFound with the path.
absl::StatusOr<LoadedRules> LoadRules(const std::vector<std::string>& paths, const RuleOptions& options = {});

}  // namespace tensorwarden
