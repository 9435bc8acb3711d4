// Exceptions, overrides, selection: what rule files say beyond conditions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kRule =
    "- rule: r\n  desc: d\n  priority: Notice\n  output: o\n  tags: [a]\n  condition: evt.type = execve\n";

std::string WithExceptions(const std::string& exceptions) {
  return std::string(kRule) + "  exceptions:\n" + exceptions;
}

// The actor is curl, child of bash, run as /usr/bin/curl.
bool Alerts(const std::vector<std::string>& texts, int64_t realtime_ns = 0, const RuleOptions& options = {}) {
  std::vector<RuleFile> files;
  for (const std::string& text : texts) files.push_back({"f" + std::to_string(files.size()) + ".yaml", text});
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile(files, problems, options);
  EXPECT_TRUE(rules.ok()) << rules.status();
  if (!rules.ok()) return false;
  FakeHost host = MakeHost();
  host.realtime_offset_ns = realtime_ns;
  return !MatchAll(**rules, host, MakeEvent(ProcessExec{})).empty();
}

TEST(ExceptionTest, TuplesLoneFieldsAndLists) {
  const std::string fields = "    - name: e\n      fields: [proc.name, proc.pname]\n";
  EXPECT_TRUE(Alerts({WithExceptions(fields)})) << "no values yet";
  EXPECT_FALSE(Alerts({WithExceptions(fields + "      values:\n        - [curl, bash]\n")}));
  EXPECT_TRUE(Alerts({WithExceptions(fields + "      values:\n        - [curl, zsh]\n        - [wget, bash]\n")}));
  EXPECT_FALSE(Alerts({WithExceptions(fields + "      comps: [in, startswith]\n      values:\n"
                                               "        - [[wget, curl], ba]\n")}));
  EXPECT_FALSE(Alerts({"- list: l\n  items: [curl]\n" + WithExceptions(fields + "      comps: [in, =]\n"
                                                                                "      values:\n"
                                                                                "        - [l, bash]\n")}));
  EXPECT_FALSE(Alerts({WithExceptions("    - {name: e, fields: proc.name, values: [wget, curl]}\n")}));
  EXPECT_FALSE(Alerts({WithExceptions("    - {name: e, fields: [proc.name], values: [wget, curl]}\n")}));
  EXPECT_FALSE(Alerts({WithExceptions("    - {name: e, fields: proc.exepath, comps: pmatch, values: [/usr]}\n")}));
  EXPECT_FALSE(
      Alerts({WithExceptions("    - {name: e, fields: [proc.exepath], comps: [startswith anyof], "
                             "values: [[[/opt, /usr]]]}\n")}));
  EXPECT_FALSE(Alerts({WithExceptions("    - {name: e, fields: [toupper(proc.name)], values: [CURL]}\n")}));
  EXPECT_FALSE(Alerts({WithExceptions("    - {name: e, fields: [proc.cmdline], values: ['curl -T model.bin']}\n")}));
}

TEST(ExceptionTest, LaterFilesAddValues) {
  const std::string base = WithExceptions("    - name: e\n      fields: [proc.name, proc.pname]\n");
  const std::string values = "- rule: r\n  exceptions:\n    - {name: e, values: [[curl, bash]]}\n";
  EXPECT_FALSE(Alerts({base, values + "  append: true\n"}));
  EXPECT_FALSE(Alerts({base, values + "  override: {exceptions: append}\n"}));
  EXPECT_FALSE(Alerts({base,
                       "- rule: r\n  append: true\n  exceptions:\n    - {name: n, fields: proc.name, "
                       "values: [curl]}\n"}));
  const std::string full = base + "      values:\n        - [curl, bash]\n";
  EXPECT_TRUE(Alerts({full, "- rule: r\n  exceptions: []\n  override: {exceptions: replace}\n"}));
}

TEST(ExceptionTest, ExpiresByTheEventsOwnTime) {
  const std::string text =
      WithExceptions("    - {name: e, fields: proc.name, values: [curl], expires: 2030-01-31, reason: a while}\n");
  constexpr int64_t kLastDay = 1896048000ll * 1'000'000'000;  // 2030-01-31T00:00:00Z
  constexpr int64_t kDay = 86400ll * 1'000'000'000;
  EXPECT_FALSE(Alerts({text}, kLastDay - kDay));
  EXPECT_FALSE(Alerts({text}, kLastDay + kDay / 2));
  EXPECT_TRUE(Alerts({text}, kLastDay + kDay));
  std::vector<RuleProblem> problems;
  ASSERT_TRUE(RuleSet::Compile({{"r.yaml", text}}, problems, {.now_ns = kLastDay + kDay}).ok());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].message, HasSubstr("exception 'e' has expired"));
}

struct BadException {
  const char* text;
  const char* error;
};

TEST(ExceptionTest, MistakesAreNamed) {
  for (const BadException& bad : std::vector<BadException>{
           {"    - {fields: proc.name}\n", "needs a name"},
           {"    - {name: e}\n", "needs 'fields'"},
           {"    - {name: e, fields: proc.nme}\n      \n", "compiled"},
           {"    - {name: e, fields: proc.nme, values: [x]}\n", "unknown field 'proc.nme'"},
           {"    - {name: e, fields: proc.name or proc.pid, values: [x]}\n", "one field stands here"},
           {"    - {name: e, fields: [proc.name, proc.pid], comps: [=]}\n", "1 comps for 2 fields"},
           {"    - {name: e, fields: proc.name, comps: like, values: [x]}\n", "'like' is no operator"},
           {"    - {name: e, fields: proc.name, comps: exists, values: [x]}\n", "'exists' is no operator"},
           {"    - {name: e, fields: proc.name, comps: = x or, values: [x]}\n", "is no operator"},
           {"    - {name: e, fields: [proc.name, proc.pid], values: [x]}\n", "2 fields: each of its values"},
           {"    - {name: e, fields: [proc.name, proc.pid], values: [[x]]}\n", "2 fields: each of its values"},
           {"    - {name: e, fields: [proc.name, proc.pid], values: [[x, y]]}\n", "is a number, not 'y'"},
           {"    - {name: e, fields: proc.name, values: x}\n", "'values' must be a list"},
           {"    - {name: e, fields: proc.name, vals: [x]}\n", "no key 'vals'; did you mean 'values'"},
           {"    - {name: e, fields: proc.name, values: [x], expires: soon}\n", "'expires' must be a day"},
           {"    - {name: e, fields: proc.name}\n    - {name: e, fields: proc.pid}\n", "stands twice"},
           {"    x\n", "'exceptions' must be a list"},
       }) {
    EXPECT_THAT(CompileError(WithExceptions(bad.text)), HasSubstr(bad.error)) << bad.text;
  }
}

TEST(SelectionTest, SwitchesByNameAndTagInOrder) {
  using Switches = std::vector<RuleSwitch>;
  EXPECT_FALSE(Alerts({kRule}, 0, {.switches = Switches{{false, "r*", ""}}}));
  EXPECT_TRUE(Alerts({kRule}, 0, {.switches = Switches{{false, "x*", ""}}}));
  EXPECT_FALSE(Alerts({kRule}, 0, {.switches = Switches{{false, "", "a"}}}));
  EXPECT_TRUE(Alerts({kRule}, 0, {.switches = Switches{{false, "", "b"}}}));
  EXPECT_TRUE(Alerts({kRule}, 0, {.switches = Switches{{false, "*", ""}, {true, "", "a"}}}));
  EXPECT_TRUE(Alerts({std::string(kRule) + "  enabled: false\n"}, 0, {.switches = Switches{{true, "r", "a"}}}));
  EXPECT_FALSE(Alerts({kRule}, 0, {.minimum = Priority::kWarning}));
  EXPECT_TRUE(Alerts({kRule}, 0, {.minimum = Priority::kNotice}));
}

TEST(SelectionTest, ATagMayHaveWildcards) {
  using Switches = std::vector<RuleSwitch>;
  EXPECT_FALSE(Alerts({kRule}, 0, {.switches = Switches{{false, "", "[ab]*"}}}));
}

TEST(SelectionTest, ASwitchThatFitsNoRuleIsAWarningWithItsPlaceAndTheNearestName) {
  std::vector<RuleProblem> problems;
  RuleOptions options;
  options.switches.push_back({.enable = false, .name = "Modle leaves", .path = "c.yaml", .line = 4, .column = 7});
  options.switches.push_back({.enable = true, .tag = "egres", .path = "--enable-rule"});
  options.switches.push_back({.enable = false, .name = "Model*"});
  const auto rules = RuleSet::Compile(
      {{"r.yaml",
        "- rule: Model leaves\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: Notice\n"
        "  tags: [egress]\n"}},
      problems, options);
  ASSERT_TRUE(rules.ok());
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(
      ProblemLine(problems[0]),
      "c.yaml:4:7: no rule has the name 'Modle leaves', so nothing is switched off; did you mean 'Model leaves'?");
  EXPECT_EQ(ProblemLine(problems[1]),
            "--enable-rule: no rule has the tag 'egres', so nothing is switched on; did you mean 'egress'?");
  EXPECT_FALSE(problems[0].error);
}

TEST(SelectionTest, ASwitchIsANameOrATag) {
  EXPECT_EQ(ParseRuleSwitch("Model*", true)->name, "Model*");
  EXPECT_EQ(ParseRuleSwitch("tag:atlas:AML.T0025", false)->tag, "atlas:AML.T0025");
  EXPECT_FALSE(ParseRuleSwitch("tag:", false).ok());
  EXPECT_FALSE(ParseRuleSwitch("", false).ok());
}

TEST(SelectionTest, TheFirstMatchCanBeTheOnlyOne) {
  const std::string two = std::string(kRule) + RuleText("proc.name = curl and evt.type = execve").replace(8, 1, "s");
  std::vector<RuleProblem> problems;
  const auto all = RuleSet::Compile({{"r.yaml", two}}, problems);
  EXPECT_THAT(NamesOfMatches(**all, MakeHost(), MakeEvent(ProcessExec{})), ElementsAre("r", "s"));
  const auto first = RuleSet::Compile({{"r.yaml", two}}, problems, {.first_match_only = true});
  EXPECT_THAT(NamesOfMatches(**first, MakeHost(), MakeEvent(ProcessExec{})), ElementsAre("r"));
}

std::vector<std::string> Warnings(const std::string& text) {
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile({{"r.yaml", text}}, problems);
  EXPECT_TRUE(rules.ok()) << rules.status();
  std::vector<std::string> lines;
  for (const RuleProblem& problem : problems) lines.push_back(ProblemLine(problem));
  return lines;
}

TEST(RequirementTest, WhatWeDoNotHaveIsAWarning) {
  EXPECT_THAT(Warnings("- required_engine_version: 17\n"), IsEmpty());
  EXPECT_THAT(Warnings("- required_engine_version: 0.57.0\n"), IsEmpty());
  EXPECT_THAT(Warnings("- required_engine_version: 0.99.0\n"),
              ElementsAre(HasSubstr("asks for Falco's engine 0.99.0")));
  EXPECT_THAT(Warnings("- required_engine_version: new\n"), ElementsAre(HasSubstr("must be a number or a version")));
  EXPECT_THAT(Warnings("- required_plugin_versions:\n  - {name: json, version: 0.7.0}\n"),
              ElementsAre(HasSubstr("r.yaml:2:6: there are no plugins here")));
}

TEST(FileTest, RepeatedDefinitionsReplaceWithAWarning) {
  const std::string twice =
      "- list: a\n  items: [x]\n- list: a\n  items: [curl]\n" + RuleText("evt.type = execve and proc.name in (a)");
  EXPECT_THAT(Warnings(twice), ElementsAre(HasSubstr("r.yaml:3:9: list 'a': defined twice in this file")));
  EXPECT_TRUE(Alerts({twice}));
}

TEST(FileTest, UnknownFieldsSkipARuleThatAsksForIt) {
  const std::string text = RuleText("evt.type = execve and x.y = 1");
  EXPECT_THAT(CompileError(text), HasSubstr("unknown field 'x.y'"));
  EXPECT_THAT(Warnings(text + "  skip-if-unknown-filter: true\n"), ElementsAre(HasSubstr("the rule is skipped")));
  EXPECT_THAT(CompileError(RuleText("x.y = = 1") + "  skip-if-unknown-filter: true\n"), HasSubstr("expected a value"));
  EXPECT_THAT(Warnings(RuleText("ka.verb = get") + "  source: k8s_audit\n"), ElementsAre(HasSubstr("k8s_audit")));
}

TEST(FileTest, UnknownFieldsOfAnOutputSkipARuleThatAsksForIt) {
  const std::string text =
      "- rule: r\n  desc: d\n  priority: Notice\n  output: 'by %proc.name of %x.y'\n  condition: evt.type = execve\n";
  EXPECT_THAT(CompileError(text), HasSubstr("output: unknown field 'x.y'"));
  EXPECT_THAT(Warnings(text + "  skip-if-unknown-filter: true\n"),
              ElementsAre(HasSubstr("r.yaml:4:29: rule 'r': output: unknown field 'x.y'; the rule is skipped")));
}

TEST(FileTest, MacrosThatOnlyRulesOfOtherSourcesNeedMayNameTheirFields) {
  const std::string macros = "- macro: m\n  condition: jevt.value[/stage] in (a)\n- macro: n\n  condition: m\n";
  const std::string foreign = RuleText("n and not ka.verb = get") + "  source: k8s_audit\n";
  const auto warnings = ElementsAre(HasSubstr("k8s_audit"), HasSubstr("'jevt.value'"), HasSubstr("'m' has an error"));
  EXPECT_THAT(Warnings(macros + foreign), warnings);
  EXPECT_THAT(CompileError(macros), "compiled");
  const std::string ours = "- rule: s\n  desc: d\n  priority: Notice\n  output: o\n  condition: n\n";
  EXPECT_THAT(CompileError(macros + foreign + ours), HasSubstr("macro 'm': unknown field 'jevt.value'"));
  EXPECT_THAT(CompileError("- macro: m\n  condition: a.b = = 1\n"), HasSubstr("expected a value"));
}

TEST(FileTest, RulesOfOtherSourcesAreSwitchedAndChangedLikeOthers) {
  const std::string foreign = RuleText("ka.verb = get") + "  source: k8s_audit\n";
  const auto once = ElementsAre(HasSubstr("the rule is skipped"));
  EXPECT_THAT(Warnings(foreign + "- {rule: r, enabled: false}\n"), once);
  EXPECT_THAT(Warnings(foreign + "- {rule: r, enabled: false, source: k8s_audit}\n"), once);
  EXPECT_THAT(Warnings(foreign + "- {rule: r, priority: Error, override: {priority: replace}}\n"), once);
  EXPECT_THAT(Warnings(foreign + "- rule: r\n  source: k8s_audit\n  condition: and ka.x = 1\n"
                                 "  override: {condition: append}\n"),
              once);
  EXPECT_THAT(Warnings(foreign + "- {rule: r, condition: and ka.x = 1, source: k8s_audit, append: true}\n"), once);
}

TEST(FileTest, AppendIgnoresWhatItCannotAddTo) {
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile(
      {{"r.yaml", RuleText("evt.type = tick")},
       {"s.yaml", "- rule: r\n  append: true\n  condition: and evt.num > 1\n  priority: Loud\n  enabled: false\n"}},
      problems);
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ((*rules)->Size(), 1u);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(ProblemLine(problems[0]),
            "s.yaml:4:3: rule 'r': 'append: true' adds to condition, exceptions, tags only: 'priority' is ignored; "
            "'override' can replace it");
  EXPECT_THAT(problems[1].message, HasSubstr("'enabled' is ignored"));
}

TEST(FileTest, OnlySomeKeysCanBeAppendedTo) {
  const auto error = [](const std::string& later) { return CompileError(std::string(kRule) + "- rule: r\n" + later); };
  EXPECT_THAT(error("  priority: Error\n  override: {priority: append}\n"), HasSubstr("can be replaced, not appended"));
  EXPECT_THAT(error("  desc: more\n  override: {desc: append}\n"), "compiled");
  EXPECT_THAT(error("  tags: [b]\n  append: true\n"), "compiled");
  EXPECT_THAT(error("  capture_duration: -1\n  override: {capture_duration: replace}\n"), HasSubstr("milliseconds"));
}

TEST(FileTest, QuotesWithinItemsMakeTexts) {
  const std::string rule = RuleText("evt.type = execve and proc.name in (names)");
  EXPECT_TRUE(Alerts({"- list: tools\n  items: [curl]\n- list: names\n  items: [\"tools\"]\n" + rule}));
  EXPECT_FALSE(Alerts({"- list: tools\n  items: [curl]\n- list: names\n  items: ['\"tools\"']\n" + rule}));
  EXPECT_TRUE(Alerts({"- list: names\n  items: ['\"curl\"']\n" + rule}));
}

TEST(FileTest, AListMayEndInTheColumnOfItsKey) {
  const std::string rule = RuleText("evt.type = execve and proc.name in (names)");
  EXPECT_TRUE(Alerts({"- list: names\n  items: [\n    wget,\n    curl\n  ]\n" + rule}));
  std::vector<RuleProblem> problems;
  EXPECT_FALSE(RuleSet::Compile({{"r.yaml", "- list: names\n  items: [\n    curl\n- list: more\n"}}, problems).ok());
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems[0].line, 5u) << ProblemLine(problems[0]);
}

TEST(ProblemTest, ACaretPointsToThePlace) {
  std::vector<RuleProblem> problems;
  EXPECT_FALSE(RuleSet::Compile({{"r.yaml", RuleText("proc.name = x and proc.nme = y")}}, problems).ok());
  ASSERT_EQ(problems.size(), 1u);
  const std::string text = ProblemWithCaret(problems[0]);
  EXPECT_THAT(text, HasSubstr("\n        proc.name = x and proc.nme = y\n"));
  EXPECT_THAT(text, HasSubstr("\n                          ^"));
}

TEST(PackTest, OurFilesWithEveryConstructLoad) {
  const auto files = LoadRuleFiles({"tests/data/falco/language.yaml", "tests/data/falco/local.yaml"});
  ASSERT_TRUE(files.ok()) << files.status();
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile(*files, problems);
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ((*rules)->Size(), 5u);
  for (const RuleProblem& problem : problems) EXPECT_FALSE(problem.error) << ProblemLine(problem);
}

}  // namespace
}  // namespace tensorwarden
