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

TEST(LintTest, ArgumentsThatNoCallOfTheRuleHasAreNamed) {
  EXPECT_THAT(Remarks(Rule("r", "evt.type = open and not evt.arg[1] = a and not evt.arg.nosuch = a")),
              ElementsAre("empty-field 5:38", "empty-field 5:61"));
  EXPECT_THAT(Remarks(Rule("r", "evt.type = socket and evt.arg.mode = 1")), ElementsAre("rule-warning 1:9"));
  EXPECT_THAT(Remarks(Rule("r", "evt.type = open and evt.arg.mode = 0644", "%evt.arg.oldpath")),
              ElementsAre("empty-output-field 4:12"));
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

struct ContradictionRow {
  const char* condition;
  const char* message;
};

class ContradictionTest : public ::testing::TestWithParam<ContradictionRow> {};

const char kLists[] =
    "- list: ab\n  items: [a, b]\n- list: cd\n  items: [c, more]\n- list: more\n  items: [d]\n- list: none\n  items: "
    "[]\n"
    "- macro: is_a\n  condition: proc.name = a and user.uid > 5\n";

std::string ContradictionOf(const std::string& condition) {
  const std::string all = Rule("all", "evt.type = process_exec and is_a and proc.pname in (ab, cd, more, none)");
  const CheckReport report = Check({{"r.yaml", kLists + all + Rule("r", "evt.type = process_exec and " + condition)}});
  std::string found;
  for (const Remark& remark : report.remarks) {
    EXPECT_EQ(remark.id, "contradiction") << remark.problem.message;
    found += (found.empty() ? "" : "; ") + remark.problem.message;
  }
  return found;
}

TEST_P(ContradictionTest, NamesBothChecks) {
  EXPECT_EQ(ContradictionOf(GetParam().condition), std::string("rule 'r': ") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Conditions, ContradictionTest,
    ::testing::Values(
        ContradictionRow{"proc.name = a and proc.name = b", "'proc.name = b' contradicts 'proc.name = a'"},
        ContradictionRow{"proc.name in (ab) and user.uid = 3 and proc.name in (x, cd)",
                         "'proc.name in (x, cd)' contradicts 'proc.name in (ab)'"},
        ContradictionRow{"proc.name = a and not proc.name in (ab)",
                         "'not proc.name in (ab)' contradicts 'proc.name = a'"},
        ContradictionRow{"proc.name != a and proc.name = a", "'proc.name = a' contradicts 'proc.name != a'"},
        ContradictionRow{"is_a and not (user.uid = 3 or not proc.name = b)",
                         "'proc.name = b' contradicts 'proc.name = a'"},
        ContradictionRow{"proc.is_exe_from_memfd = true and proc.is_exe_from_memfd = false",
                         "'proc.is_exe_from_memfd = false' contradicts 'proc.is_exe_from_memfd = true'"},
        ContradictionRow{"user.uid > 5 and user.uid < 3", "'user.uid < 3' contradicts 'user.uid > 5'"},
        ContradictionRow{"user.uid > 5 and user.uid <= 5", "'user.uid <= 5' contradicts 'user.uid > 5'"},
        ContradictionRow{"not user.uid > 3 and user.uid >= 4", "'user.uid >= 4' contradicts 'not user.uid > 3'"},
        ContradictionRow{"user.uid = 7 and user.uid < 0x7", "'user.uid < 0x7' contradicts 'user.uid = 7'"},
        ContradictionRow{"proc.duration > 1m and proc.duration < 30000000000",
                         "'proc.duration < 30000000000' contradicts 'proc.duration > 1m'"},
        ContradictionRow{"(proc.name = x or (proc.pname = a and proc.pname = b))",
                         "'proc.pname = b' contradicts 'proc.pname = a'"},
        ContradictionRow{"proc.aname[2] = a and proc.aname[2] = b and proc.name = a and proc.name = b",
                         "'proc.name = b' contradicts 'proc.name = a'"}));

TEST(LintTest, WhatCanHoldIsNoContradiction) {
  for (const char* condition :
       {"proc.name in (a, b) and proc.name in (b, c)", "proc.name = a and proc.pname = b",
        "not proc.name = a and not proc.name = b", "(proc.name = a or proc.name = b)",
        "proc.aname = a and proc.aname = b", "proc.args startswith a and proc.args startswith b",
        "user.uid >= 5 and user.uid <= 5", "user.uid > 3 and user.uid < 5", "not user.uid > 5 and not user.uid < 5",
        "user.uid in (1, 9) and user.uid < 3", "user.uid = 7 and user.uid = 0x7",
        "proc.name = val(proc.pname) and proc.name = a", "proc.name != a and proc.name != b",
        "proc.name = ab and proc.name in ('ab', x)", "proc.name in (ab) and not proc.name in (a)",
        "proc.name = a and not (proc.name = b and user.uid = 3)"}) {
    EXPECT_EQ(ContradictionOf(condition), "") << condition;
  }
  EXPECT_THAT(Remarks(Rule("r", "evt.type = open and evt.type = openat and fd.name = a")), IsEmpty());
  EXPECT_THAT(Remarks(Rule("r", "evt.type = connect and fd.sip = 10.0.0.1 and fd.sip = '10.0.0.0/8'")), IsEmpty());
}

TEST(LintTest, AContradictionWithinAMacroIsSaidOnce) {
  EXPECT_THAT(Remarks("- macro: m\n  condition: proc.name = a and proc.name = b\n" +
                      Rule("r", "evt.type = process_exec and m") + Rule("s", "evt.type = process_exit and m")),
              ElementsAre("contradiction 2:32"));
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
