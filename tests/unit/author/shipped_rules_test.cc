// The tests beside the shipped rules: all pass, and every rule has one that fires and a near miss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "agent/author/lint.h"
#include "agent/author/rule_book.h"
#include "agent/author/test_file.h"
#include "agent/author/test_run.h"

namespace tensorwarden::author {
namespace {

// Programs run from the repository's root, as `make` does.
std::vector<RuleFile> Files(const char* folder) {
  auto files = LoadRuleFiles({folder});
  EXPECT_TRUE(files.ok()) << files.status() << " (run from the repository's root)";
  return files.ok() ? *files : std::vector<RuleFile>();
}

TEST(ShippedRulesTest, TheyHaveNoRemarks) {
  const std::vector<RuleFile> rules = Files("rules");
  RuleBook book(rules);
  for (const Remark& remark : CheckRules(rules, book).remarks) {
    ADD_FAILURE() << remark.id << ": " << ProblemLine(remark.problem);
  }
}

TEST(ShippedRulesTest, EveryRuleHasATestThatFiresAndANearMissAndAllPass) {
  const std::vector<RuleFile> rules = Files("rules");
  std::map<std::string, std::pair<int, int>> tests;  // by rule: that fire, near misses
  for (const RuleFile& file : Files("rules/tests")) {
    std::vector<RuleProblem> problems;
    rules::Diagnostics diagnostics(problems);
    const TestFile read(file.path, file.text, diagnostics);
    for (const RuleProblem& problem : problems) ADD_FAILURE() << ProblemLine(problem);
    for (const TestCase& test : read.cases()) {
      const TestResult result = RunTest(test, rules);
      EXPECT_THAT(result.errors, ::testing::IsEmpty()) << test.name;
      EXPECT_THAT(result.differences, ::testing::IsEmpty()) << test.name;
      ++(result.fires ? tests[test.rule].first : tests[test.rule].second);
    }
  }
  const RuleBook book(rules);
  EXPECT_GE(book.rules().size(), 20u);
  for (const BookRule& rule : book.rules()) {
    const std::string& name = rule.definition->text.name;
    EXPECT_GE(tests[name].first, 1) << name << " has no test that fires";
    EXPECT_GE(tests[name].second, 1) << name << " has no near miss";
  }
}

}  // namespace
}  // namespace tensorwarden::author
