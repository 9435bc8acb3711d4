#include "agent/author/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorwarden::author {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Rule(const std::string& name, const std::string& condition, const std::string& output = "o") {
  return "- rule: " + name + "\n  desc: d\n  priority: Notice\n  output: '" + output + "'\n  condition: " + condition +
         "\n";
}

CheckReport Check(const std::vector<RuleFile>& files) {
  RuleBook book(files);
  return CheckRules(files, book);
}

// "id line:column" of each remark.
std::vector<std::string> Remarks(const std::vector<RuleFile>& files) {
  std::vector<std::string> all;
  for (const Remark& remark : Check(files).remarks) {
    all.push_back(std::string(remark.id) + " " + std::to_string(remark.problem.line) + ":" +
                  std::to_string(remark.problem.column));
  }
  return all;
}

std::vector<std::string> Remarks(const std::string& text) { return Remarks(std::vector<RuleFile>{{"r.yaml", text}}); }

TEST(LintTest, AGoodFileHasNoRemarks) {
  EXPECT_THAT(Remarks("- list: l\n  items: [a]\n- macro: m\n  condition: proc.name in (l)\n" +
                      Rule("r", "evt.type = process_exec and m", "%proc.name")),
              IsEmpty());
}

TEST(LintTest, ErrorsAreCounted) {
  const std::vector<RuleFile> files = {{"r.yaml", Rule("r", "proc.nme = a")}};
  const CheckReport report = Check(files);
  EXPECT_EQ(report.errors, 1u);
  EXPECT_THAT(report.remarks[0].problem.message, HasSubstr("did you mean 'proc.name'"));
}

TEST(LintTest, NamesWhatNothingUses) {
  EXPECT_THAT(Remarks("- list: l\n  items: [a]\n- macro: m\n  condition: proc.name = a\n"),
              ElementsAre("unused-list 1:9", "unused-macro 3:10"));
}

TEST(LintTest, AListWithinAListIsUsed) {
  EXPECT_THAT(Remarks("- list: l\n  items: [a]\n- list: k\n  items: [l]\n" +
                      Rule("r", "evt.type = process_exec and proc.name in (k)")),
              IsEmpty());
}

TEST(LintTest, ARuleThatALaterFileReplacesIsShadowed) {
  const std::string rule = Rule("r", "evt.type = process_exec");
  EXPECT_THAT(Remarks({{"a.yaml", rule}, {"b.yaml", rule}}), ElementsAre("shadowed-rule 1:9"));
  EXPECT_THAT(Remarks({{"a.yaml", rule}, {"b.yaml", "- rule: r\n  enabled: false\n"}}), IsEmpty());
  EXPECT_THAT(
      Remarks({{"a.yaml", rule}, {"b.yaml", "- rule: r\n  priority: Debug\n  override: {priority: replace}\n"}}),
      IsEmpty());
}

TEST(LintTest, ARuleThatCannotMatchIsSaidEvenWhenItIsOff) {
  const std::string rule = Rule("r", "evt.type = process_exec and gpu.major = 1");
  EXPECT_THAT(Remarks(rule), ElementsAre("rule-warning 1:9"));
  EXPECT_THAT(Remarks(rule + "  enabled: false\n"), ElementsAre("never-matches 1:9"));
  const char* const message =
      "rule 'r': can never match: no kind of event fits all of 'evt.type' (process_exec) and 'gpu.major' (device_open, "
      "gpu_call)";
  EXPECT_EQ(Check({{"r.yaml", rule}}).remarks[0].problem.message, message);
  EXPECT_EQ(Check({{"r.yaml", rule + "  enabled: false\n"}}).remarks[0].problem.message, message);
}

TEST(LintTest, WhatTheChoiceLeavesOutIsOff) {
  const std::vector<RuleFile> files = {{"r.yaml", Rule("r", "evt.type = process_exec and gpu.major = 1")}};
  RuleOptions options;
  options.switches.push_back({.enable = false, .name = "r"});
  RuleBook book(files, options);
  EXPECT_FALSE(book.rules()[0].enabled);
  EXPECT_TRUE(RuleBook(files).rules()[0].enabled);
  EXPECT_EQ(CheckRules(files, book, options).remarks.at(0).id, "never-matches");
}

TEST(LintTest, RulesOfOtherSourcesAreNeverOn) {
  const RuleBook book({{"r.yaml", Rule("r", "ka.verb = get") + "  source: k8s_audit\n"}});
  EXPECT_FALSE(book.rules()[0].enabled);
}

TEST(LintTest, RulesThatAreSkippedForAFieldAreNeverOn) {
  for (const std::string& rule : {Rule("r", "a.b = 1"), Rule("r", "evt.type = process_exec", "%a.b")}) {
    EXPECT_FALSE(RuleBook({{"r.yaml", rule + "  skip-if-unknown-filter: true\n"}}).rules()[0].enabled);
  }
}

TEST(LintTest, FieldsThatAreNeverFilledAreNamedWhereTheyStand) {
  EXPECT_THAT(Remarks(Rule("r", "evt.type = process_exec and not proc.tty = 3")), ElementsAre("empty-field 5:46"));
}

TEST(LintTest, OutputsOfFieldsThatTheEventsDoNotHave) {
  EXPECT_THAT(Remarks(Rule("r", "evt.type = process_exec", "by %proc.name at %gpu.major")),
              ElementsAre("empty-output-field 4:29"));
}

const char kSequence[] =
    "- macro: m\n  condition: proc.name = a\n- rule: r\n  desc: d\n  priority: Notice\n  output: '%evt.exit_code "
    "%fd.name'\n"
    "  sequence:\n    within: 5m\n    steps:\n      - evt.type = file_open and m\n"
    "      - not: evt.type = process_exec and proc.tty = 3\n      - evt.type = process_exit\n";

TEST(LintTest, StepsOfASequenceAreConditionsAndItsOutputIsAboutTheLast) {
  EXPECT_THAT(Remarks(kSequence), ElementsAre("empty-output-field 6:27", "empty-field 11:42"));
}

TEST(LintTest, DuplicateItemsOfLists) {
  EXPECT_THAT(Remarks("- list: l\n  items: [a, b, a]\n" + Rule("r", "evt.type = process_exec and proc.name in (l)")),
              ElementsAre("duplicate-item 2:17"));
}

std::string Message(const std::string& condition) {
  const CheckReport report = Check({{"r.yaml", Rule("r", condition)}});
  return report.remarks.size() == 1 ? report.remarks[0].problem.message : "";
}

TEST(LintTest, ValuesThatAFieldNeverHasAreNamedWhereTheyStand) {
  EXPECT_THAT(Remarks(Rule("r", "finding.kind = egres and evt.type = finding")), ElementsAre("unknown-value 5:29"));
  EXPECT_EQ(Message("finding.kind = egres"), "rule 'r': 'finding.kind' is never 'egres'; did you mean 'egress'?");
  EXPECT_THAT(Message("evt.type = process_exec and proc.role in (training, inferense)"), HasSubstr("'inference'"));
  EXPECT_THAT(Message("evt.type = host_change and evt.op != modul_load"), HasSubstr("'module_load'"));
  EXPECT_THAT(Message("evt.type = gpu_call and gpu.use = debugg"), HasSubstr("'debug'"));
  EXPECT_THAT(Message("evt.type = gpu_call and gpu.target.role = anyof (bank)"), HasSubstr("one of none, inference"));
  EXPECT_THAT(Message("evt.type = egress_bytes and egress.dest.class = publik"), HasSubstr("'public'"));
}

TEST(LintTest, ClassesThatNobodyKnowsAreOnlyNamedNearKnownOnes) {
  EXPECT_THAT(Message("evt.type = file_read and asset.class = modle"), HasSubstr("did you mean 'model'"));
  EXPECT_EQ(Message("evt.type = file_read and asset.class = blueprints"), "");
}

TEST(LintTest, OtherComparisonsMayHaveAnyValue) {
  EXPECT_THAT(Remarks(Rule("r", "finding.kind startswith egr and finding.what glob '*write' and not evt.op exists")),
              IsEmpty());
}

TEST(LintTest, ItemsOfListsAreValuesOfTheFieldOncePerList) {
  const std::string list = "- list: l\n  items: [training, trainig]\n";
  EXPECT_THAT(Remarks(list + Rule("r", "evt.type = process_exec and proc.role in (l)") +
                      Rule("s", "evt.type = process_exit and proc.role in (l)")),
              ElementsAre("unknown-value 2:21"));
}

}  // namespace
}  // namespace tensorwarden::author
