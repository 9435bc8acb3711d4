// What Falco's grammar takes and what it does not: one text each, without looking at the tree (parser_test.cc does).
#include <gtest/gtest.h>

#include "agent/rules/condition/condition_parser.h"

namespace tensorwarden::rules {
namespace {

constexpr const char* kAccepted[] = {
    // logic and blanks
    "m",
    " m ",
    "\tm\n",
    "m and n",
    "m\nand\nn",
    "m and n and o and p",
    "m or n and o or p",
    "(m)",
    "( m )",
    "((m) and (n))",
    "not m",
    "not not m",
    "not(m)",
    "not (not(m) or n)",
    "m and not n",
    "m or not(n)",
    "m and(n)",
    "m or(n)or(o)",
    "(m)and(n)",
    "m1 and m_2 and M3_",
    "android or notify or order",
    "not_a_keyword and orphan",
    "# comment\nm",
    "m # comment",
    "m # and (\nand n",
    "m and # one\n# two\nn",
    // operators and blanks around them
    "a.b=c",
    "a.b= c",
    "a.b =c",
    "a.b == c",
    "a.b==c",
    "a.b!=c",
    "a.b != c",
    "a.b<1",
    "a.b<=1",
    "a.b>1",
    "a.b>=1",
    "a.b > -1",
    "a.b >= +1",
    "a.b < 1.5",
    "a.b < -.5",
    "a.b < 1e6",
    "a.b < 1.5E-3",
    "a.b < 0x1F",
    "a.b < 0XfF",
    "a.b = 0x10",
    "a.b exists",
    "not a.b exists",
    "a.b exists and c.d exists",
    "(a.b exists)",
    "a.b contains c",
    "a.b contains\tc",
    "a.b contains\nc",
    "a.b contains 'c'",
    "a.b icontains C",
    "a.b bcontains cafebabe",
    "a.b startswith /x",
    "a.b bstartswith 00ff",
    "a.b endswith .y",
    "a.b glob /x/*",
    "a.b glob '/x/[ab]?'",
    "a.b iglob X*",
    "a.b regex [a-z]+",
    "a.b regex '^(x|y)$'",
    "a.b regex \"\\d{3}\"",
    // lists
    "a.b in (c)",
    "a.b in(c)",
    "a.b in ( c , d )",
    "a.b in (c,d,e)",
    "a.b in ('c', \"d\", e)",
    "a.b in ()",
    "a.b in ( )",
    "a.b in (1, 0x2, 3.5)",
    "a.b in (\nc,\nd\n)",
    "a.b in (c, # first\nd)",
    "a.b in names",
    "a.b in names and m",
    "a.b intersects (c, d)",
    "a.b intersects names",
    "a.b pmatch (/etc, /usr/*/bin)",
    "a.b pmatch paths",
    "not a.b in (c)",
    // bare values
    "a.b = /usr/bin/x-y_z.so.1",
    "a.b = x:y",
    "a.b = runc:[1:CHILD]",
    "a.b = 10.0.0.0/8",
    "a.b = fe80::1",
    "a.b = <NA>",
    "a.b=<",
    "a.b=>",
    "a.b = a|b&c",
    "a.b = *",
    "a.b = \\",
    "a.b = and",
    "a.b = or and m",
    "a.b = not",
    "a.b = exists",
    "a.b = val",
    "a.b = tolower",
    "a.b = anyof",
    "a.b = oneof and m",
    "a.b = c#d",
    // quoted values
    "a.b = ''",
    "a.b = \"\"",
    "a.b = 'x y'",
    "a.b = \"x y\"",
    "a.b = \"it's\"",
    "a.b = 'say \"x\"'",
    "a.b = 'it\\'s'",
    "a.b = \"\\\"\"",
    "a.b = '\\\\'",
    "a.b = '\\n\\t\\r\\b\\f'",
    "a.b = '\\x41'",
    "a.b = '\\ '",
    "a.b = 'a # b'",
    "a.b = 'and (or'",
    "a.b = 'x'and m",
    // fields and their arguments
    "a.b.c.d = e",
    "a1.b_2.c3 = e",
    "A.B = e",
    "a.b[0] = c",
    "a.b[12] exists",
    "a.b[x] = c",
    "a.b[/x/*] = c",
    "a.b[app.io/name] = c",
    "a.b['x y'] = c",
    "a.b[\"x]\"] = c",
    "a.b[x]=c",
    "a.b[x] in (c)",
    // functions
    "tolower(a.b) = c",
    "tolower( a.b ) = c",
    "toupper(a.b[1]) = C",
    "b64(a.b) contains c",
    "basename(a.b) in (c, d)",
    "len(a.b) > 5",
    "len(a.b) = 0x5",
    "tolower(a.b) exists",
    "tolower(toupper(a.b)) = c",
    "tolower(basename(b64(a.b))) = c",
    "join(a.b, \",\") = c",
    "join((a.b, c.d), ',') = c",
    "concat(a.b) = c",
    "concat(a.b, \":\", c.d) = c",
    "concat('x', 1, tolower(a.b)) = c",
    "getopt(a.b, \"x:y\") intersects (x)",
    "getopt(a.b, 'x:')[x] = c",
    "not tolower(a.b) = c",
    "(tolower(a.b) = c)",
    // fields on the right
    "a.b = val(c.d)",
    "a.b=val( c.d )",
    "a.b = val(c.d[1])",
    "a.b != val(c.d) and m",
    "a.b < val(c.d)",
    "a.b contains val(c.d)",
    "a.b in val(c.d)",
    "a.b = tolower(c.d)",
    "tolower(a.b) = tolower(c.d)",
    "a.b in tolower(c.d)",
    "a.b >= len(c.d)",
    "a.b = concat(c.d, '-', e.f)",
    // modifiers
    "a.b startswith anyof (c, d)",
    "a.b startswith anyof(c)",
    "a.b contains allof ('x y', z)",
    "a.b contains oneof (c, d) and m",
    "a.b = anyof (c, d)",
    "a.b != allof (c, d)",
    "a.b > anyof (1, 2)",
    "a.b regex anyof ('a+', 'b+')",
    "a.b endswith anyof names",
    "a.b endswith anyof names and m",
    "a.b glob allof ()",
};

TEST(GrammarTest, TakesWhatFalcoTakes) {
  for (const char* text : kAccepted) {
    LexError error;
    const bool taken = ParseCondition(text, error).has_value();
    EXPECT_TRUE(taken) << text << "\n" << error.offset << ": " << error.message;
  }
}

struct Refused {
  const char* text;
  size_t offset;
  const char* why;
};

constexpr Refused kRefused[] = {
    // logic
    {"", 0, "found the end"},
    {"\n\t ", 3, "found the end"},
    {"# m", 3, "found the end"},
    {"or", 0, "found 'or'"},
    {"not", 3, "found the end"},
    {"not and m", 4, "found 'and'"},
    {"m and", 5, "found the end"},
    {"m and and n", 6, "found 'and'"},
    {"m or", 4, "found the end"},
    {"m n", 2, "found 'n'"},
    {"m not n", 2, "found 'not'"},
    {"m, n", 1, "found ','"},
    {"m && n", 2, "found '&&'"},
    {"m || n", 2, "found '||'"},
    {"!m", 0, "found '!m'"},
    {"()", 1, "found ')'"},
    {"( )", 2, "found ')'"},
    {"(", 1, "found the end"},
    {")", 0, "found ')'"},
    {"(m", 2, "expected ')'"},
    {"(m and n", 8, "expected ')'"},
    {"((m)", 4, "expected ')'"},
    {"m)", 1, "found ')'"},
    {"(m))", 3, "found ')'"},
    {"m (n)", 2, "found '('"},
    {"'m'", 0, "found '''"},
    {"\"m\"", 0, "found '\"'"},
    {"1", 0, "found '1'"},
    {"_m", 0, "found '_m'"},
    {"m-n", 1, "found '-n'"},
    // operators
    {"a.b", 3, "expected an operator"},
    {"a.b and m", 4, "expected an operator"},
    {"a.b c", 4, "expected an operator after field 'a.b', found 'c'"},
    {"a.b === c", 6, "expected a value"},
    {"a.b => c", 7, "found 'c'"},
    {"a.b <> 1", 7, "found '1'"},
    {"a.b ~ c", 4, "found '~'"},
    {"a.b not in (c)", 4, "found 'not'"},
    {"a.b like c", 4, "found 'like'"},
    {"a.b matches c", 4, "found 'matches'"},
    {"a.b containsc", 4, "found 'containsc'"},
    {"a.b Contains c", 4, "found 'Contains'"},
    {"a.b exists c", 11, "found 'c'"},
    {"a.b exists = true", 11, "found '='"},
    {"m = c", 0, "no field"},
    {"m in (c)", 0, "no field"},
    {"m exists", 0, "no field"},
    {"a. = c", 0, "no field"},
    {"a..b = c", 0, "no field"},
    {".a = c", 0, "found '.a'"},
    {"1a.b = c", 0, "found '1a.b'"},
    // values
    {"a.b =", 5, "expected a value after '='"},
    {"a.b = ", 6, "found the end"},
    {"a.b = )", 6, "found ')'"},
    {"a.b = (c)", 6, "found '('"},
    {"a.b = ,", 6, "found ','"},
    {"a.b = c d", 8, "found 'd'"},
    {"a.b = c = d", 8, "found '='"},
    {"a.b = c=d", 7, "found '='"},
    {"a.b = 'c", 6, "not closed"},
    {"a.b = \"c", 6, "not closed"},
    {"a.b = 'c\"", 6, "not closed"},
    {"a.b = 'c\\'", 6, "not closed"},
    {"a.b = c'd", 7, "found '''"},
    {"a.b = 'c' 'd'", 10, "found '''"},
    {"a.b = '\\x4'", 7, "two hexadecimal digits"},
    {"a.b = '\\xZZ'", 7, "two hexadecimal digits"},
    {"a.b = 'ab\\x00'", 9, "two hexadecimal digits"},
    {"a.b contains", 12, "found the end"},
    {"a.b contains and m", 17, "found 'm'"},
    {"a.b <", 5, "found the end"},
    // lists
    {"a.b in", 6, "found the end"},
    {"a.b in (", 8, "expected a value in the list"},
    {"a.b in (c", 9, "expected ',' or ')'"},
    {"a.b in (c,", 10, "expected a value in the list"},
    {"a.b in (c,)", 10, "expected a value in the list"},
    {"a.b in (,c)", 8, "expected a value in the list"},
    {"a.b in (c d)", 10, "found 'd'"},
    {"a.b in (c;d", 11, "expected ',' or ')'"},
    {"a.b in ((c))", 8, "found '('"},
    {"a.b in (c) d", 11, "found 'd'"},
    {"a.b = #c", 8, "found the end"},
    {"a.b intersects", 14, "found the end"},
    {"a.b pmatch (/x", 14, "expected ',' or ')'"},
    // arguments
    {"a.b[ = c", 3, "not closed"},
    {"a.b[1 = c", 3, "not closed"},
    {"a.b[] = c", 3, "missing"},
    {"a.b[''] = c", 3, "missing"},
    {"a.b[ 1] = c", 3, "not closed"},
    {"a.b[[1]] = c", 3, "not closed"},
    {"a.b['x] = c", 4, "quote"},
    {"a.b[1][2] = c", 6, "expected an operator"},
    {"a.b [1] = c", 4, "expected an operator"},
    // functions
    {"lower(a.b) = c", 0, "unknown function 'lower'; there are tolower"},
    {"m(a.b)", 0, "unknown function 'm'"},
    {"tolower() = c", 8, "expected a field"},
    {"tolower(a.b = c", 12, "expected ',' or ')' in tolower()"},
    {"tolower(a.b) c", 13, "expected an operator after function 'tolower'"},
    {"tolower(m) = c", 8, "no field"},
    {"tolower (a.b) = c", 8, "found '('"},
    {"tolower a.b = c", 8, "found 'a.b'"},
    {"tolower(a.b,) = c", 12, "expected a field"},
    {"join(a.b; ',') = c", 8, "expected ',' or ')'"},
    {"concat(a.b, \"x) = c", 12, "not closed"},
    {"join((a.b, c.d, ',') = c", 21, ""},
    {"val(a.b) = c", 0, "on the right"},
    {"a.b = val()", 10, "expected a field"},
    {"a.b = val(c.d", 13, "expected ',' or ')'"},
    {"a.b = lower(c.d)", 6, "unknown function"},
    {"a.b = tolower(c.d) d", 19, "found 'd'"},
    // modifiers
    {"a.b startswith anyof (c", 23, "expected ',' or ')'"},
    {"a.b startswith anyof (c,)", 24, "expected a value"},
    {"a.b in anyof (c)", 7, "takes a list already"},
    {"a.b pmatch allof names", 11, "takes a list already"},
    {"a.b exists anyof (c)", 11, "found 'anyof'"},
    {"a.b anyof (c)", 4, "expected an operator"},
    {"a.b startswith someof (c)", 22, "found '('"},
};

TEST(GrammarTest, RefusesTheRestWithPlaceAndReason) {
  for (const Refused& refused : kRefused) {
    LexError error;
    EXPECT_FALSE(ParseCondition(refused.text, error).has_value()) << refused.text;
    EXPECT_NE(error.message.find(refused.why), std::string::npos) << refused.text << "\n" << error.message;
    const bool placed = *refused.why != '\0';
    EXPECT_EQ(placed ? error.offset : refused.offset, refused.offset) << refused.text << "\n" << error.message;
    EXPECT_LE(error.offset, std::string_view(refused.text).size()) << refused.text;
  }
}

TEST(GrammarTest, FunctionsAndArgumentsAreBounded) {
  LexError error;
  std::string deep = "a.b";
  for (size_t i = 0; i <= kMaxFunctionDepth; ++i) deep.insert(0, "tolower(").append(")");
  EXPECT_FALSE(ParseCondition(deep + " = x", error));
  EXPECT_NE(error.message.find("deeper"), std::string::npos);
  std::string wide = "concat(a.b";
  for (size_t i = 0; i <= kMaxFunctionArguments; ++i) wide += ", 'x'";
  EXPECT_FALSE(ParseCondition(wide + ") = x", error));
  EXPECT_NE(error.message.find("arguments"), std::string::npos);
}

TEST(GrammarTest, ACommentEndsWhereTheAuthorsLineEnds) {
  LexError error;
  const size_t fold = 5;  // of the blank before "and"
  EXPECT_TRUE(ParseCondition("m # x and n", error, std::vector<size_t>{fold}));
  const auto folded = ParseCondition("m # x and n", error, std::vector<size_t>{fold});
  EXPECT_EQ(folded->children.size(), 2u);
  EXPECT_EQ(ParseCondition("m # x and n", error)->kind, Ast::Kind::kMacro);
}

TEST(GrammarTest, CountsOfTexts) {
  EXPECT_GE(std::size(kAccepted), 150u);
  EXPECT_GE(std::size(kRefused), 100u);
}

}  // namespace
}  // namespace tensorwarden::rules
