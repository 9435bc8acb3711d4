#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agent/rules/condition/condition_parser.h"

namespace tensorwarden::rules {
namespace {

std::string Shape(const Operand& operand) {
  std::string text = operand.kind == Operand::Kind::kText ? "'" + operand.name + "'" : operand.name;
  if (operand.kind == Operand::Kind::kList) text = "";
  if (operand.kind == Operand::Kind::kFunction || operand.kind == Operand::Kind::kList) {
    text += "(";
    for (const Operand& argument : operand.arguments) {
      text += (&argument == &operand.arguments.front() ? "" : ", ") + Shape(argument);
    }
    text += ")";
  }
  return text + (operand.has_argument ? "[" + operand.argument + "]" : "");
}

constexpr const char* kModifiers[] = {"", " oneof", " anyof", " allof"};

// Fully bracketed, so that precedence shows.
std::string Shape(const Ast& ast) {
  if (ast.kind == Ast::Kind::kMacro) return ast.name;
  if (ast.kind == Ast::Kind::kNot) return "!" + Shape(ast.children[0]);
  std::string text;
  if (ast.kind == Ast::Kind::kCheck) {
    text = Shape(ast.left) + " " + OperatorText(ast.op) + kModifiers[static_cast<size_t>(ast.modifier)];
    if (ast.right) text += " " + Shape(*ast.right);
    for (const Word& word : ast.values) text += " <" + word.text + ">";
    return text;
  }
  for (const Ast& child : ast.children) {
    if (!text.empty()) text += ast.kind == Ast::Kind::kAnd ? " & " : " | ";
    text += Shape(child);
  }
  return "(" + text + ")";
}

struct Accepted {
  const char* text;
  const char* shape;
};

class ParserAcceptsTest : public ::testing::TestWithParam<Accepted> {};

TEST_P(ParserAcceptsTest, TheTreeHasThisShape) {
  LexError error;
  const auto ast = ParseCondition(GetParam().text, error);
  ASSERT_TRUE(ast) << error.offset << ": " << error.message;
  EXPECT_EQ(Shape(*ast), GetParam().shape);
}

INSTANTIATE_TEST_SUITE_P(Texts, ParserAcceptsTest,
                         ::testing::ValuesIn(std::vector<Accepted>{
                             {"m", "m"},
                             {"a.b=1", "a.b = <1>"},
                             {"a.b == 1", "a.b = <1>"},
                             {"a.b!=c", "a.b != <c>"},
                             {"a.b<=5", "a.b <= <5>"},
                             {"a.b<5", "a.b < <5>"},
                             {"a.b >= 1%", "a.b >= <1%>"},
                             {"a.b > 64MiB", "a.b > <64MiB>"},
                             {"a.b exists", "a.b exists"},
                             {"a.b exists and m", "(a.b exists & m)"},
                             {"m and n or o", "((m & n) | o)"},
                             {"m or n and o", "(m | (n & o))"},
                             {"m or n or o", "(m | n | o)"},
                             {"(m or n) and o", "((m | n) & o)"},
                             {"(m or n)and(o)", "((m | n) & o)"},
                             {"not m and n", "(!m & n)"},
                             {"not (m and n)", "!(m & n)"},
                             {"not(m)", "!m"},
                             {"not not m", "m"},
                             {"not not not m", "!m"},
                             {"((((m))))", "m"},
                             {"a.b in (x, y,z)", "a.b in <x> <y> <z>"},
                             {"a.b in ()", "a.b in"},
                             {"a.b in names", "a.b in <names>"},
                             {"a.b in (\"x y\", 'z')", "a.b in <x y> <z>"},
                             {"a.b intersects (x)", "a.b intersects <x>"},
                             {"a.b pmatch (/etc, /usr)", "a.b pmatch </etc> </usr>"},
                             {"a.b contains '-c \"x\"'", "a.b contains <-c \"x\">"},
                             {"a.b icontains X", "a.b icontains <X>"},
                             {"a.b startswith /srv/models/", "a.b startswith </srv/models/>"},
                             {"a.b endswith .bin", "a.b endswith <.bin>"},
                             {"a.b glob '/x/*.[bc]'", "a.b glob </x/*.[bc]>"},
                             {"a.b glob /x/*.[bc]", "a.b glob </x/*.[bc]>"},
                             {"a.b regex '\\d+\\.x'", "a.b regex <\\d+\\.x>"},
                             {"a.b = 'it\\'s'", "a.b = <it's>"},
                             {"a.b = \"\\\\\"", "a.b = <\\>"},
                             {"a.b = ''", "a.b = <>"},
                             {"a.b[1] = x", "a.b[1] = <x>"},
                             {"a.b[\"k\"] = x", "a.b[k] = <x>"},
                             {"a.b.c = and", "a.b.c = <and>"},
                             {"a.b = in", "a.b = <in>"},
                             {"a.b = <NA>", "a.b = <<NA>>"},
                             {"a.b = 10.0.0.0/8", "a.b = <10.0.0.0/8>"},
                             {"a.b\n=\n1 # comment ) (\nand m", "(a.b = <1> & m)"},
                             {"android", "android"},
                             {"orphan or notable", "(orphan | notable)"},
                             {"a.b in(x)", "a.b in <x>"},
                         }));

struct Refused {
  const char* text;
  size_t offset;
  const char* message;
};

class ParserRefusesTest : public ::testing::TestWithParam<Refused> {};

TEST_P(ParserRefusesTest, WithPlaceAndReason) {
  LexError error;
  EXPECT_FALSE(ParseCondition(GetParam().text, error));
  EXPECT_EQ(error.offset, GetParam().offset) << error.message;
  EXPECT_NE(error.message.find(GetParam().message), std::string::npos) << error.message;
}

INSTANTIATE_TEST_SUITE_P(Texts, ParserRefusesTest,
                         ::testing::ValuesIn(std::vector<Refused>{
                             {"", 0, "expected a field, a macro or '(', found the end"},
                             {"   ", 3, "found the end"},
                             {"# only a comment", 16, "found the end"},
                             {"and", 0, "found 'and'"},
                             {"m and", 5, "found the end"},
                             {"m or or n", 5, "found 'or'"},
                             {"not", 3, "found the end"},
                             {"m n", 2, "expected 'and', 'or' or the end, found 'n'"},
                             {"m)", 1, "found ')'"},
                             {"(m", 2, "expected ')', found the end"},
                             {"()", 1, "found ')'"},
                             {"a.b", 3, "expected an operator after field 'a.b', found the end"},
                             {"a.b foo c", 4, "found 'foo'"},
                             {"a.b =", 5, "expected a value after '=', found the end"},
                             {"a.b = )", 6, "found ')'"},
                             {"a.b = 'x", 6, "the quote ' is not closed"},
                             {"a.b in (x", 9, "expected ',' or ')'"},
                             {"a.b in (x,)", 10, "expected a value in the list, found ')'"},
                             {"a.b in (x y)", 10, "found 'y'"},
                             {"a.b in (,x)", 8, "expected a value in the list"},
                             {"a.b[1 = x", 3, "'[' is not closed"},
                             {"a.b[] = x", 3, "argument"},
                             {"a.b = x = y", 8, "found '='"},
                             {"procname = x", 0, "'procname' is no field"},
                             {"1 = 1", 0, "found '1'"},
                             {"= x", 0, "found '='"},
                         }));

TEST(ParserTest, DeepBracketsAreRefusedAndManyAreNot) {
  LexError error;
  const std::string deep = std::string(kMaxConditionDepth + 1, '(') + "m" + std::string(kMaxConditionDepth + 1, ')');
  EXPECT_FALSE(ParseCondition(deep, error));
  EXPECT_NE(error.message.find("deeper"), std::string::npos);
  std::string wide = "(m)";
  for (int i = 0; i < 1000; ++i) wide += " or (m)";
  EXPECT_TRUE(ParseCondition(wide, error)) << error.message;
}

TEST(ParserTest, ALongTextIsRefused) {
  LexError error;
  EXPECT_FALSE(ParseCondition(std::string(kMaxConditionBytes + 1, ' '), error));
}

TEST(ParserTest, NodesKnowTheirOffsets) {
  LexError error;
  const auto ast = ParseCondition("m and  a.b = 'x'", error);
  ASSERT_TRUE(ast);
  EXPECT_EQ(ast->children[1].offset, 7u);
  EXPECT_EQ(ast->children[1].op_offset, 11u);
  EXPECT_EQ(ast->children[1].values[0].offset, 13u);
}

}  // namespace
}  // namespace tensorwarden::rules
