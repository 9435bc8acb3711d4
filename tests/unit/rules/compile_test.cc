// What rule files are refused, with which place and words.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agent/enrich/field_table.h"
#include "agent/enrich/kinds.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

struct BadCondition {
  const char* condition;
  const char* message;  // from the column on; the condition starts at column 5 of line 6
};

class ConditionErrorTest : public ::testing::TestWithParam<BadCondition> {};

TEST_P(ConditionErrorTest, NamesPlaceRuleAndFix) {
  const std::string error = CompileError(RuleText(GetParam().condition));
  EXPECT_EQ(error.rfind(std::string("r.yaml:6:") + GetParam().message, 0), 0u) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, ConditionErrorTest,
    ::testing::ValuesIn(std::vector<BadCondition>{
        {"proc.nam = x", "5: rule 'r': unknown field 'proc.nam'; did you mean 'proc.name'"},
        {"proc.name = x and zzz.qqq.www = 1", "23: rule 'r': unknown field 'zzz.qqq.www'"},
        {"proc.name < 5", "15: rule 'r': '<' does not fit field 'proc.name', which is a text"},
        {"user.uid startswith 5", "14: rule 'r': 'startswith' does not fit field 'user.uid', which is a number"},
        {"proc.role.confirmed > 1",
         "25: rule 'r': '>' does not fit field 'proc.role.confirmed', which is true or false"},
        {"proc.role.confirmed = yes", "27: rule 'r': field 'proc.role.confirmed' is true or false, not 'yes'"},
        {"user.uid = root", "16: rule 'r': field 'user.uid' is a number, not 'root'"},
        {"file.share >= 1KiB", "19: rule 'r': '1KiB' is a size, and field 'file.share' is a share"},
        {"evt.exit_code > 5s", "21: rule 'r': '5s' is a time, and field 'evt.exit_code' is a plain number"},
        {"asset.size > 5%", "18: rule 'r': '5%' is a share, and field 'asset.size' is a size"},
        {"proc.duration < 1MiB", "21: rule 'r': '1MiB' is a size, and field 'proc.duration' is a time"},
        {"fd.port in (80, 8KB)", "21: rule 'r': '8KB' is a size, and field 'fd.port' is a plain number"},
        {"len(proc.args) > 5m", "22: rule 'r': '5m' is a time, and function 'len(proc.args)' is a size"},
        {"proc.name[1] = x", "5: rule 'r': field 'proc.name' takes no argument"},
        {"proc.aname[x] = y", "5: rule 'r': proc.aname[...] takes a number"},
        {"proc.aname[99] = y", "5: rule 'r': proc.aname[...] takes a number"},
        {"nosuch", "5: rule 'r': unknown macro 'nosuch'"},
        {"proc.name in nosuch", "18: rule 'r': unknown list 'nosuch'"},
        {"evt.type = opn", "16: rule 'r': unknown event type 'opn'; did you mean 'open'"},
        {"proc.name regex '('", "21: rule 'r': bad regular expression"},
        {"proc.name regex '(.{1,1000}){1,1000}'", "21: rule 'r': bad regular expression"},
        {"proc.name = x proc.name = y", "19: rule 'r': expected 'and', 'or' or the end, found 'proc.name'"},
    }));

TEST(CompileTest, UnitsThatFitAreTaken) {
  for (const char* condition :
       {"file.share >= 1%", "file.share >= 0.01", "asset.size > 1GiB and egress.bytes > 1000", "proc.duration < 5s",
        "agent.blind > 10m", "finding.value > 1GiB or finding.value > 5s", "host.value > 1d",
        "len(proc.cmdline) > 4KiB", "evt.latency > 5ms", "user.uid >= 1000"}) {
    EXPECT_EQ(CompileError(RuleText(condition)), "compiled") << condition;
  }
}

// The table of units against what the documentation of fields says.
TEST(CompileTest, FieldsTakeTheUnitOfTheirDocumentation) {
  const auto takes = [](const FieldSpec& field, const char* value) {
    return CompileError(RuleText(fmt::format("{} = {}", field.name, value))) == "compiled";
  };
  for (const FieldSpec& field : FieldTable()) {
    if (field.type != FieldType::kNumber || field.AlwaysEmpty() || field.takes_argument) continue;
    const std::string doc(field.doc);
    const auto says = [&](const char* word) { return doc.find(word) != std::string::npos; };
    const bool plain = says("ort ") || says(" id ") || says("umber");
    EXPECT_TRUE(takes(field, "1KiB") || !says("ytes")) << field.name;
    EXPECT_TRUE(takes(field, "1%") || !says("0 to 1")) << field.name;
    EXPECT_TRUE(takes(field, "1s") || !(doc.starts_with("Seconds") || says("Age of"))) << field.name;
    EXPECT_FALSE(takes(field, "1s") && plain) << field.name;
  }
}

struct BadFile {
  std::string text;
  const char* error;
};

class FileErrorTest : public ::testing::TestWithParam<BadFile> {};

TEST_P(FileErrorTest, NamesPlaceAndFix) {
  const std::string error = CompileError(GetParam().text);
  EXPECT_EQ(error.rfind(GetParam().error, 0), 0u) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, FileErrorTest,
    ::testing::ValuesIn(std::vector<BadFile>{
        {"%\xa0S", "r.yaml:1:1: YAML directives"},
        {"\r\r%\xab", "r.yaml:1:3: YAML directives"},
        {"---\n- list: a\n  items: [b]\n---\n- list: c\n  item: [d]", "r.yaml:6:3: list 'c': unknown key 'item'"},
        {"- list: a\n  items: [b]\n...\n# more\n---\n- macro: c\n  condition: ()\n", "r.yaml:7:15: macro 'c': "},
        {"---\n---\n- list: a\n  items: [b]\n---\nmore: 1\n", "r.yaml:6:1: of several YAML documents each is a list"},
        {"more: 1\n---\n- list: a\n  items: [b]\n", "r.yaml:1:1: of several YAML documents each is a list"},
        {"- list: a\n  items: [b]\n---\n- list: c\n  items: [d\n", "r.yaml:"},
        {"- list: a\n  items: &x [b]\n---\n- list: c\n  items: *x\n", "r.yaml:"},
        {"- list: a\n  items: [b]\n---\n- list: c\n  list: d\n", "r.yaml:5:3: YAML: duplicate key"},
        {"- list: \xff\n", "r.yaml:1:9: not UTF-8"},
        {"a: b\n", "r.yaml:1:1: a rule file is a list of items"},
        {"- foo: b\n", "r.yaml:1:3: expected an item with 'rule', 'macro' or 'list', found 'foo'"},
        {"- list: a\n  items: [x]\n  items: [y]\n", "r.yaml:3:3: YAML: duplicate key"},
        {"- list: a\n  item: [x]\n", "r.yaml:2:3: list 'a': unknown key 'item'; did you mean 'items'"},
        {"- list: a\n", "r.yaml:1:9: list 'a': 'items' is missing"},
        {"- list: a\n  items: x\n", "r.yaml:2:10: list 'a': 'items' must be a list"},
        {"- list: a\n  items: [x]\n  append: true\n", "r.yaml:1:9: list 'a': there is no earlier list"},
        {"- macro: m\n  condition: m\n" + RuleText("m"), "r.yaml:2:14: macro 'm': macro 'm' uses itself: m -> m"},
        {"- macro: m\n  condition: proc.nme = x\n" + RuleText("m"), "r.yaml:2:14: macro 'm': unknown field 'proc.nme'"},
        {"- macro: m\n  condition: [a\n", "r.yaml:"},
        {"- rule: a\n  desc: d\n  output: o\n  condition: proc.name = x\n",
         "r.yaml:1:9: rule 'a': 'priority' is missing"},
        {"- rule: a\n  desc: d\n  output: o\n  priority: Hot\n  condition: proc.name = x\n",
         "r.yaml:4:13: rule 'a': unknown priority 'Hot'"},
        {"- rule: a\n  conditon: b\n", "r.yaml:2:3: rule 'a': unknown key 'conditon'; did you mean 'condition'"},
        {"- rule: a\n  desc: d\n  output: '%proc.nme'\n  priority: Error\n  condition: proc.name = x\n",
         "r.yaml:3:12: rule 'a': output: unknown field 'proc.nme'"},
        {"- rule: a\n  desc: d\n  output: o\n  priority: Error\n  condition: proc.name = x\n  suppress: {by: [a.b], "
         "for: 1h}\n",
         "r.yaml:6:19: rule 'a': suppress: unknown field 'a.b'"},
        {"- rule: a\n  desc: d\n  output: o\n  priority: Error\n  condition: proc.name = x\n  suppress: {by: "
         "[proc.name]}\n",
         "r.yaml:6:14: rule 'a': 'suppress' needs 'for'"},
        {"- rule: a\n  desc: d\n  output: o\n  priority: Error\n  condition: proc.name = x\n  enabled: maybe\n",
         "r.yaml:6:12: rule 'a': 'enabled' must be true or false"},
        {"- list: a\n  items: &x [b]\n- list: c\n  items: *x\n", "r.yaml:"},
    }));

TEST(CompileTest, PositionsHoldInFoldedBlocks) {
  const std::string error = CompileError(
      "- rule: r\n  desc: d\n  priority: Notice\n  output: o\n  condition: >\n"
      "    proc.name = x\n    and (proc.pname = y\n      or user.uidd = 3)\n");
  EXPECT_EQ(error.rfind("r.yaml:8:10: rule 'r': unknown field 'user.uidd'", 0), 0u) << error;
}

TEST(CompileTest, AllDocumentsOfAFileAreRead) {
  const std::string rules = RuleText("evt.type = tick and m");
  EXPECT_EQ(MustCompile("---\n- macro: m\n  condition: evt.num > 1\n---\n# nothing\n---\n" + rules)->Size(), 1u);
  EXPECT_EQ(MustCompile("- macro: m\n  condition: evt.num > 1\n...\n---\n" + rules + "...\n")->Size(), 1u);
  for (const char* nothing : {"", "# nothing\n", "---\n", "---\n---\n", "---\n...\n"})
    EXPECT_EQ(MustCompile(nothing)->Size(), 0u) << nothing;
}

TEST(CompileTest, AllErrorsOfAllFilesAreReported) {
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile(
      {{"a.yaml", RuleText("x.y = 1") + "- list: l\n"}, {"b.yaml", "- macro: m\n  condition: ()\n"}}, problems);
  EXPECT_FALSE(rules.ok());
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].path, "a.yaml");
  EXPECT_EQ(problems[1].path, "b.yaml");  // macros are checked before rules
}

TEST(CompileTest, MacrosThatMultiplyAreBounded) {
  std::string text = "- macro: m0\n  condition: proc.name = x\n";
  for (int i = 1; i < 30; ++i) text += fmt::format("- macro: m{}\n  condition: m{} or m{}\n", i, i - 1, i - 1);
  EXPECT_NE(CompileError(text + RuleText("m29")).find("too large"), std::string::npos);
}

TEST(CompileTest, ListsThatMultiplyAreBoundedAlsoWhenTheyAreEmpty) {
  std::string text = "- list: l0\n  items: []\n";
  for (int i = 1; i < 15; ++i) {
    text += fmt::format("- list: l{}\n  items: [{}]\n", i, [&] {
      std::string items;
      for (int j = 0; j < 20; ++j) items += fmt::format("{}l{}", j ? ", " : "", i - 1);
      return items;
    }());
  }
  EXPECT_NE(CompileError(text + RuleText("proc.name in (l14)")).find("too many list values"), std::string::npos);
}

TEST(CompileTest, RegularExpressionsTogetherAreBounded) {
  const auto all = [](int count, const char* pattern) {
    std::string values;
    for (int i = 0; i < count; ++i) values += (i > 0 ? ", '" : "'") + fmt::format(fmt::runtime(pattern), i) + "'";
    return CompileError(RuleText("proc.cmdline regex anyof (" + values + ")"));
  };
  const std::string error = all(1000, "(.{{1,100}}){{1,9}}{}");
  EXPECT_EQ(error.rfind("r.yaml:6:", 0), 0u) << error;
  EXPECT_NE(error.find("all regular expressions together are too large"), std::string::npos) << error;
  EXPECT_EQ(all(2000, "/srv/[a-z]+/{}.*"), "compiled");
  EXPECT_EQ(all(2000, "(.{{1,100}}){{1,9}}"), "compiled") << "equal ones are kept once";
}

TEST(CompileTest, ACycleOfListsIsNamedWhereItCloses) {
  EXPECT_EQ(CompileError("- list: x\n  items: [a]\n- list: a\n  items: [c, b]\n- list: b\n  items: [c, a]\n" +
                         RuleText("proc.name in (x)")),
            "r.yaml:6:14: rule 'r': list 'a' uses itself: a -> b -> a");
  EXPECT_EQ(CompileError("- list: a\n  items: [a]\n" + RuleText("proc.name in (a)")), "compiled")
      << "its own name is a text";
  EXPECT_EQ(CompileError("- list: a\n  items: [b, b]\n- list: b\n  items: [c]\n" + RuleText("proc.name in (a, b)")),
            "compiled")
      << "twice is no cycle";
}

TEST(CompileTest, ACycleOfMacrosIsNamedWhereItCloses) {
  EXPECT_EQ(CompileError("- macro: x\n  condition: a\n- macro: a\n  condition: evt.num = 1 or b\n- macro: b\n"
                         "  condition: not a\n" +
                         RuleText("x")),
            "r.yaml:6:18: macro 'b': macro 'a' uses itself: a -> b -> a");
}

std::string Repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

// docs/rules.md has a table of these.
TEST(CompileTest, LimitsHoldWhereTheDocumentationSays) {
  const auto ends = [](const std::string& condition, const char* message) {
    return CompileError(RuleText(condition)).find(message) != std::string::npos;
  };
  EXPECT_TRUE(ends(Repeated("(", 64) + "evt.num = 1" + Repeated(")", 64), "compiled"));
  EXPECT_TRUE(ends(Repeated("(", 65) + "evt.num = 1" + Repeated(")", 65), "nest deeper than 64"));
  EXPECT_TRUE(ends("evt.num = 1" + Repeated(" or evt.num = 1", 64 << 10), "longer than 65536 bytes"));
  EXPECT_TRUE(ends("concat(" + Repeated("proc.name, ", 63) + "proc.name) = a", "compiled"));
  EXPECT_TRUE(ends("concat(" + Repeated("proc.name, ", 64) + "proc.name) = a", "more than 64 arguments"));
  EXPECT_TRUE(ends("proc.aname[31] = a", "compiled"));
  EXPECT_TRUE(ends("proc.aname[32] = a", "takes a number from 0 to 31"));
  const auto output = [](const std::string& text) {
    return CompileError("- {rule: r, desc: d, priority: Notice, condition: evt.num = 1, output: '" + text + "'}\n");
  };
  EXPECT_EQ(output(Repeated("%evt.num ", 64)), "compiled");
  EXPECT_NE(output(Repeated("%evt.num ", 65)).find("more than 64 fields"), std::string::npos);
  EXPECT_EQ(output(Repeated("a", 16 << 10)), "compiled");
  EXPECT_NE(output(Repeated("a", (16 << 10) + 1)).find("longer than 16384 bytes"), std::string::npos);
  EXPECT_NE(CompileError("# " + Repeated("a", 4 << 20)).find("larger than 4 MiB"), std::string::npos);
}

TEST(CompileTest, MacrosWithinMacrosAreBounded) {
  const auto error = [](int macros) {
    std::string text;
    // The outermost first, so that each opens the next one within it.
    for (int i = macros; i > 0; --i) text += fmt::format("- macro: m{}\n  condition: m{}\n", i, i - 1);
    return CompileError(text + "- macro: m0\n  condition: evt.num = 1\n" + RuleText(fmt::format("m{}", macros)));
  };
  EXPECT_EQ(error(31), "compiled");
  EXPECT_NE(error(40).find("macros nest deeper than 32"), std::string::npos);
}

TEST(CompileTest, ListsWithinListsAreBounded) {
  std::string text = "- list: l0\n  items: [x]\n";
  for (int i = 1; i < 20; ++i) text += fmt::format("- list: l{}\n  items: [l{}]\n", i, i - 1);
  EXPECT_EQ(CompileError(text + RuleText("proc.name in (l16)")), "compiled");
  EXPECT_EQ(CompileError(text + RuleText("proc.name in (l17)")),
            "r.yaml:4:11: rule 'r': list 'l0' nests deeper than 16, or uses itself");
}

TEST(CompileTest, AMisspeltListInBracketsIsAWarning) {
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile({{"r.yaml", "- list: approved_tools\n  items: [x]\n" +
                                                      RuleText("evt.type = execve and proc.name in (aproved_tools)")}},
                                      problems);
  ASSERT_TRUE(rules.ok());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_FALSE(problems[0].error);
  EXPECT_NE(problems[0].message.find("did you mean 'approved_tools'"), std::string::npos);
}

TEST(CompileTest, ARuleThatCanNeverMatchIsAWarning) {
  std::vector<RuleProblem> problems;
  const auto rules =
      RuleSet::Compile({{"r.yaml", RuleText("evt.type = http_request and finding.kind = egress")}}, problems);
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ((*rules)->Size(), 0u);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message,
            "rule 'r': can never match: no kind of event fits all of 'evt.type' (http_request) and 'finding.kind' "
            "(finding)");
}

struct NeverRow {
  const char* condition;
  const char* why;
};

class NeverTest : public ::testing::TestWithParam<NeverRow> {};

TEST_P(NeverTest, NamesWhatExcludesWhat) {
  std::vector<RuleProblem> problems;
  const std::string macro = "- macro: m\n  condition: gpu.major = 195 and proc.name = a\n";
  const auto rules = RuleSet::Compile({{"r.yaml", macro + RuleText(GetParam().condition)}}, problems);
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message, std::string("rule 'r': can never match: ") + GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(
    Conditions, NeverTest,
    ::testing::ValuesIn(std::vector<NeverRow>{
        {"proc.pid > 1 and evt.type = execve and user.uid = 0 and m",
         "no kind of event fits all of 'evt.type' (process_exec) and 'gpu.major' (device_open, gpu_call)"},
        {"dns.name = a and (gpu.major = 1 or finding.kind = egress)",
         "no kind of event fits all of 'dns.name' (dns_query) and 'gpu.major' or 'finding.kind' (device_open, finding, "
         "gpu_call)"},
        {"not (evt.type = http_request or evt.num = 3) and http.path = /a",
         "no kind of event fits all of not 'evt.type' (all but http_request) and 'http.path' (http_request)"},
        {"evt.type = execve and tolower(http.path) = /a",
         "no kind of event fits all of 'evt.type' (process_exec) and 'http.path' (http_request)"},
        {"evt.type = execve and proc.tty = 3", "no event satisfies what it asks of 'proc.tty'"},
        {"evt.type = brk and proc.name = a", "no event satisfies what it asks of 'evt.type'"},
        {"evt.type = execve and evt.source = k8s_audit", "no event satisfies what it asks of 'evt.source'"},
        {"evt.type = tick\n  aggregate: {distinct: http.path, by: [proc.name], window: 1m, over: 2}",
         "no kind of event fits all of 'evt.type' (tick) and 'proc.name' and 'http.path' (http_request)"},
    }));

TEST(CompileTest, LaterFilesOverrideSwitchAndAppend) {
  std::vector<RuleProblem> problems;
  const std::string base = "- list: l\n  items: [a]\n" + RuleText("evt.type = execve and proc.name in (l)");
  const auto sizes = [&](const std::string& later) {
    const auto rules = RuleSet::Compile({{"a.yaml", base}, {"b.yaml", later}}, problems);
    EXPECT_TRUE(rules.ok()) << rules.status();
    return rules.ok() ? static_cast<int>((*rules)->Size()) : -1;
  };
  EXPECT_EQ(sizes("- rule: r\n  enabled: false\n"), 0);
  EXPECT_EQ(sizes("- rule: r\n  append: true\n  condition: and user.uid = 0\n"), 1);
  EXPECT_EQ(sizes("- rule: r\n  condition: or user.uid = 0\n  override: {condition: append}\n"), 1);
  EXPECT_EQ(sizes("- list: l\n  items: [b]\n  append: true\n"), 1);
  EXPECT_EQ(sizes(RuleText("evt.type = tick")), 1);
}

TEST(CompileTest, NeedsNameTheKindsAndWhetherOpensMustBeHooked) {
  EXPECT_EQ(MustCompile(RuleText("finding.kind = egress"))->Needs().kinds & kKinds<FileOpen>, 0u);
  EXPECT_EQ(MustCompile(RuleText("evt.type = execve and proc.name = x"))->Needs().kinds & kKinds<FileOpen>, 0u);
  EXPECT_NE(MustCompile(RuleText("evt.type in (openat, execve)"))->Needs().kinds & kKinds<FileOpen>, 0u);
  EXPECT_NE(MustCompile(RuleText("proc.name = x"))->Needs().kinds & kKinds<FileOpen>, 0u);
  EXPECT_EQ(MustCompile(RuleText("proc.name = x and not evt.type = open"))->Needs().kinds & kKinds<FileOpen>, 0u);
  EXPECT_EQ(MustCompile(RuleText("proc.name = x and evt.type != open"))->Needs().kinds & kKinds<FileOpen>, 0u);
}

TEST(LoadTest, APathThatIsNotThereIsNamed) {
  const auto files = LoadRuleFiles({"/nonexistent/rules"});
  EXPECT_EQ(files.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(files.status().message()).find("/nonexistent/rules"), std::string::npos);
}

}  // namespace
}  // namespace tensorwarden
