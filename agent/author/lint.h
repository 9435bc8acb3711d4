// What is wrong, and what is odd, in rule files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/author/rule_book.h"
#include "agent/rules/ruleset.h"

namespace tensorwarden::author {

struct Remark {
  std::string_view id;  // of LintTable(); stable, for machines
  RuleProblem problem;
};

struct LintRow {
  std::string_view id;
  std::string_view text;  // one sentence
};
// Every id that a remark can have.
const std::vector<LintRow>& LintTable();

struct CheckReport {
  std::vector<Remark> remarks;  // errors and warnings of the compiler, then lints by file and line
  size_t errors = 0;
  size_t warnings = 0;
};

// `options` are those of `book`, which compiles parts of conditions again.
CheckReport CheckRules(const std::vector<RuleFile>& files, RuleBook& book, const RuleOptions& options = {});

}  // namespace tensorwarden::author
