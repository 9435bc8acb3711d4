#include "agent/author/conditions.h"

#include <gtest/gtest.h>

#include "agent/rules/condition/condition_parser.h"

namespace tensorwarden::author {
namespace {

rules::Ast MustParse(const std::string& text) {
  rules::LexError error;
  const auto ast = rules::ParseCondition(text, error);
  EXPECT_TRUE(ast) << text << ": " << error.message;
  return ast ? *ast : rules::Ast();
}

class ConditionTextTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ConditionTextTest, PrintsWhatItRead) {
  const std::string text = ConditionText(MustParse(GetParam()));
  EXPECT_EQ(text, GetParam());
  EXPECT_EQ(ConditionText(MustParse(text)), text);
}

INSTANTIATE_TEST_SUITE_P(
    Constructs, ConditionTextTest,
    ::testing::Values("proc.name = a", "proc.name exists", "proc.name in (a, \"b c\", l)", "proc.name in l",
                      "not (proc.name = a and proc.name = b)", "m and (proc.name = a or n)", "not not_a_keyword",
                      "proc.name startswith anyof (a, b)", "proc.name startswith anyof l", "proc.name in ()",
                      "proc.aname[2] = x", "proc.name = val(proc.pname)", "tolower(proc.name) = basename(proc.exepath)",
                      "join((proc.name, proc.pname), \"-\") = x", "getopt(proc.args, \"ab:\")[b] = x",
                      "evt.arg.flags contains \"a\\\"b\\\\c\"", "finding.share >= 1%"));

TEST(ExpandedTextTest, MacrosAndListsAreReplaced) {
  const rules::SourceFile file("r.yaml",
                               "- list: l\n  items: [a, 'b c']\n- macro: m\n  condition: proc.name in (l) or x.y = 1\n"
                               "- macro: n\n  condition: m\n");
  std::vector<RuleProblem> problems;
  rules::Diagnostics diagnostics(problems);
  rules::Definitions definitions(diagnostics);
  definitions.Read(file);
  EXPECT_EQ(ExpandedText(MustParse("evt.type = file_open and not n"), definitions),
            "evt.type = file_open and not (proc.name in (a, \"b c\") or x.y = 1)");
}

}  // namespace
}  // namespace tensorwarden::author
