// The shipped rules as a whole; what each does is in rules/tests.
#include <gtest/gtest.h>

#include "agent/enrich/kinds.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

// Programs run from the repository's root, as `make` does.
std::unique_ptr<RuleSet> DefaultRules() {
  const auto files = LoadRuleFiles({"rules"});
  EXPECT_TRUE(files.ok()) << files.status() << " (run from the repository's root)";
  if (!files.ok()) return nullptr;
  std::vector<RuleProblem> problems;
  auto rules = RuleSet::Compile(*files, problems);
  EXPECT_TRUE(rules.ok()) << rules.status();
  for (const RuleProblem& problem : problems) ADD_FAILURE() << problem.path << ": " << problem.message;
  return rules.ok() ? *std::move(rules) : nullptr;
}

TEST(DefaultPackTest, LoadsWithoutAWarning) { EXPECT_NE(DefaultRules(), nullptr); }

TEST(DefaultPackTest, AllRulesNeedNoHookOnOpens) { EXPECT_EQ(DefaultRules()->Needs().kinds & kKinds<FileOpen>, 0u); }

TEST(DefaultPackTest, NoRuleNeedsALookAtEveryPacket) {
  EXPECT_EQ(DefaultRules()->Needs().kinds >> kKindIndex<DnsQuery> & 1, 0u);
}

}  // namespace
}  // namespace tensorwarden
