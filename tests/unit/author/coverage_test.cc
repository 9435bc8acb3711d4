#include "agent/author/coverage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tensorwarden::author {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Rule(const std::string& name, const std::string& more) {
  return "- rule: " + name + "\n  desc: d\n  priority: Notice\n  output: o\n  condition: evt.type = process_exit\n  " +
         more + "\n";
}

bool IsGap(const Coverage& coverage, std::string_view id) {
  return std::any_of(coverage.gaps.begin(), coverage.gaps.end(), [&](const Technique* gap) { return gap->id == id; });
}

TEST(CoverageTest, TagsAreSortedUnderTheirSchemes) {
  const RuleBook book({{"r.yaml", Rule("a", "tags: [atlas:AML.T0025, owasp:ML05, free]") +
                                      Rule("b", "tags: [owasp:ML05, atlas:AML.T9999]")}});
  const Coverage coverage = CoverageOf(book);
  ASSERT_EQ(coverage.sections.size(), 5u);
  EXPECT_EQ(coverage.sections[0].rows[0].tag, "AML.T0025");
  EXPECT_EQ(coverage.sections[0].rows[0].name, "Exfiltration via Cyber Means");
  EXPECT_THAT(coverage.unknown, ElementsAre("AML.T9999"));
  EXPECT_EQ(coverage.sections[2].rows[0].rules.size(), 2u);
}

TEST(CoverageTest, ARuleOnASubTechniqueAnswersToItsTechnique) {
  const RuleBook book({{"r.yaml", Rule("a", "tags: [atlas:AML.T0024.002]")}});
  const Coverage coverage = CoverageOf(book);
  EXPECT_FALSE(IsGap(coverage, "AML.T0024"));
  EXPECT_FALSE(IsGap(coverage, "AML.T0024.002"));
  EXPECT_TRUE(IsGap(coverage, "AML.T0024.000"));
  EXPECT_TRUE(IsGap(coverage, "AML.T0025"));
}

TEST(CoverageTest, ARuleThatIsOffLeavesTheGap) {
  const RuleBook book({{"r.yaml", Rule("a", "tags: [atlas:AML.T0025]\n  enabled: false")}});
  EXPECT_TRUE(IsGap(CoverageOf(book), "AML.T0025"));
}

// Programs run from the repository's root, as `make` does.
TEST(CoverageTest, TagsOfShippedRulesNameTechniquesThatThereAre) {
  const auto files = LoadRuleFiles({"rules"});
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_THAT(CoverageOf(RuleBook(*files)).unknown, IsEmpty());
}

TEST(AtlasTest, TechniquesAreSortedAndUnique) {
  std::string_view last;
  for (const Technique& technique : AtlasTechniques()) {
    EXPECT_LT(last, technique.id);
    last = technique.id;
    EXPECT_FALSE(technique.name.empty() || technique.tactic.empty() || technique.what.empty()) << technique.id;
  }
  EXPECT_EQ(AtlasTechniques().size(), 170u);
}

}  // namespace
}  // namespace tensorwarden::author
