// What matches, and what a match says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/enrich/kinds.h"
#include "bpf/abi/event.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

bool Matches(const std::string& condition, const EventBody& body, const FakeHost& host = MakeHost()) {
  const auto rules = MustCompile(RuleText(condition));
  return rules != nullptr && !MatchAll(*rules, host, MakeEvent(body)).empty();
}

struct Truth {
  const char* condition;
  bool holds;
};

class ExecTruthTest : public ::testing::TestWithParam<Truth> {};

// The actor: curl -T model.bin, user 1000, child of bash.
TEST_P(ExecTruthTest, IsDecided) {
  const FakeHost host = MakeHost({.uid = 1000, .role = Role::kTraining, .role_confirmed = true, .labels = 1});
  EXPECT_EQ(Matches(GetParam().condition, ProcessExec{}, host), GetParam().holds) << GetParam().condition;
}

INSTANTIATE_TEST_SUITE_P(Conditions, ExecTruthTest,
                         ::testing::ValuesIn(std::vector<Truth>{
                             {"proc.name = curl", true},
                             {"proc.name = Curl", false},
                             {"proc.name != curl", false},
                             {"proc.name in (wget, curl)", true},
                             {"proc.name in (a, b, c, d, e, f, g, curl)", true},
                             {"proc.name in (a, b, c, d, e, f, g, h)", false},
                             {"proc.name in ()", false},
                             {"not proc.name in ()", true},
                             {"proc.cmdline contains model", true},
                             {"proc.cmdline icontains MODEL", true},
                             {"proc.cmdline contains MODEL", false},
                             {"proc.exepath startswith /usr/", true},
                             {"proc.exepath endswith /curl", true},
                             {"proc.exepath glob /usr/*/curl", true},
                             {"proc.exepath iglob '/USR/*/CURL'", true},
                             {"proc.exepath regex '/usr/[a-z]+/curl'", true},
                             {"proc.exepath regex 'curl'", false},
                             {"proc.exepath pmatch (/usr/bin)", true},
                             {"proc.exepath pmatch (/usr/bi)", false},
                             {"proc.args = '-T model.bin'", true},
                             {"proc.pname = bash", true},
                             {"proc.aname = bash", true},
                             {"proc.aname[1] = bash", true},
                             {"proc.aname[0] = curl", true},
                             {"proc.aname[2] exists", false},
                             {"proc.aname[1] != zsh", true},
                             {"proc.aname in (zsh, bash)", true},
                             {"proc.aname intersects (bash)", true},
                             {"proc.labels intersects (llama)", true},
                             {"proc.labels contains lla", true},
                             {"proc.labels != llama", false},
                             {"user.uid = 1000", true},
                             {"user.uid >= 1000", true},
                             {"user.uid > 1000", false},
                             {"user.uid < 1e3", false},
                             {"user.uid in (0, 1000)", true},
                             {"user.uid in (0, 1)", false},
                             {"user.loginuid exists", false},
                             {"user.loginuid != 5", false},
                             {"not user.loginuid = 5", true},
                             {"proc.role = training and proc.role.confirmed = true", true},
                             {"proc.role.confirmed != true", false},
                             {"proc.name = x or proc.name = y or proc.name = curl", true},
                             {"proc.name = curl and proc.name = y or user.uid = 1000", true},
                             {"proc.name = curl and (proc.name = y or user.uid = 1)", false},
                             {"not (proc.name = x and user.uid = 1000)", true},
                             {"evt.type = execve", true},
                             {"evt.type = process_exec", true},
                             {"evt.kind = process_exec", true},
                             {"evt.type in (open, execve)", true},
                             {"evt.type != open", true},
                             {"evt.type startswith process", true},
                             {"fd.name exists", false},
                         }));

TEST(MatchTest, CallNamesStandForOperations) {
  const SocketState connected{.op = EVENT_SOCK_CONNECT};
  EXPECT_TRUE(Matches("evt.type = connect", connected));
  EXPECT_FALSE(Matches("evt.type = accept", connected));
  EXPECT_TRUE(Matches("evt.type = socket", connected));
  EXPECT_TRUE(Matches("evt.type != accept", connected));
  EXPECT_TRUE(Matches("evt.op = connect", connected));
  EXPECT_TRUE(Matches("evt.type = renameat2", FileName{.op = EVENT_NAME_RENAME}));
  EXPECT_FALSE(Matches("evt.type = unlink", FileName{.op = EVENT_NAME_RENAME}));
}

TEST(MatchTest, ServerAndClientEndsFollowTheDirection) {
  const SocketTuple out{.local_address = "10.0.0.1",
                        .peer_address = "192.0.2.7",
                        .local_port = 40000,
                        .peer_port = 443,
                        .direction = EVENT_DIRECTION_OUT};
  EXPECT_TRUE(Matches("fd.sip = 192.0.2.7 and fd.sport = 443 and fd.cport = 40000 and fd.rip = 192.0.2.7",
                      SocketState{.socket = out, .op = 1}));
  EXPECT_TRUE(Matches("egress.dest.class = public and egress.share > 40%",
                      Egress{.socket = out, .bytes = 1u << 29, .label = 0}));
}

TEST(MatchTest, AnUnknownProcessSatisfiesNothingAboutIt) {
  FakeHost host = MakeHost();
  host.processes.clear();
  EXPECT_FALSE(Matches("proc.name != curl", ProcessExec{}, host));
  EXPECT_TRUE(Matches("evt.type = execve and not proc.name = curl", ProcessExec{}, host));
}

TEST(MatchTest, MacrosAndListsExpand) {
  const auto rules = MustCompile(
      "- list: inner\n  items: [curl]\n- list: outer\n  items: [wget, inner]\n"
      "- macro: tool\n  condition: proc.name in (outer)\n" +
      RuleText("evt.type = execve and tool"));
  EXPECT_THAT(NamesOfMatches(*rules, MakeHost(), MakeEvent(ProcessExec{})), ElementsAre("r"));
}

TEST(MatchTest, AQuotedListNameIsAText) {
  const auto rules = MustCompile("- list: tools\n  items: [curl]\n" + RuleText("proc.name in (\"tools\")"));
  EXPECT_THAT(NamesOfMatches(*rules, MakeHost(), MakeEvent(ProcessExec{})), IsEmpty());
}

TEST(MatchTest, RulesMatchInFileOrderWhateverIndexesThem) {
  const auto rule = [](const char* name, const char* condition) {
    return std::string("- rule: ") + name + "\n  desc: d\n  priority: Notice\n  output: o\n  condition: " + condition +
           "\n";
  };
  const auto rules =
      MustCompile(rule("a", "user.uid = 0") + rule("b", "proc.name = curl") +
                  rule("c", "evt.type = execve and proc.pname in (bash, zsh)") + rule("d", "proc.name = wget"));
  EXPECT_THAT(NamesOfMatches(*rules, MakeHost(), MakeEvent(ProcessExec{})), ElementsAre("a", "b", "c"));
}

// The index may leave out no rule that a plain evaluation would find.
TEST(MatchTest, ConditionsHoldForTheKindsThatTheIndexAdmits) {
  const auto rules = MustCompile(RuleText("(evt.type = execve and proc.name = curl) or evt.type = tick"));
  EXPECT_FALSE(MatchAll(*rules, MakeHost(), MakeEvent(ProcessExec{})).empty());
  EXPECT_FALSE(MatchAll(*rules, MakeHost(), MakeEvent(ClockTick{})).empty());
  EXPECT_TRUE(MatchAll(*rules, MakeHost(), MakeEvent(ProcessExit{})).empty());
}

TEST(MatchTest, AlternativesOfOneFieldAreAsGoodAsAList) {
  for (const char* condition :
       {"proc.name = wget or proc.name = curl", "proc.name in (a, b) or (proc.name = curl and user.uid = 0)",
        "(proc.name = x and proc.pname = y) or (proc.pname = bash and proc.name = curl)",
        "proc.name = x or proc.pname = bash", "tolower(proc.name) = curl or tolower(proc.name) = wget"}) {
    EXPECT_TRUE(Matches(std::string("evt.type = execve and (") + condition + ")", ProcessExec{})) << condition;
  }
  EXPECT_FALSE(Matches("evt.type = execve and (proc.name = wget or proc.name = scp)", ProcessExec{}));
}

Detection OnlyDetection(const std::string& output, const std::string& more, const EventBody& body) {
  const auto rules = MustCompile("- rule: r\n  desc: d\n  priority: Notice\n  output: \"" + output +
                                 "\"\n  condition: evt.type in (execve, finding)\n" + more);
  const FakeHost host = MakeHost();
  std::vector<Detection> detections = MatchAll(*rules, host, MakeEvent(body));
  EXPECT_EQ(detections.size(), 1u);
  Detection detection = detections.empty() ? Detection{} : detections[0];
  detection.rule = nullptr;  // goes with the rules
  return detection;
}

TEST(OutputTest, FieldsAreFilledInAndListedOnce) {
  const Detection d = OnlyDetection("%proc.name ran %proc.aname[1] by %proc.name: %user.loginuid.", "", ProcessExec{});
  EXPECT_EQ(d.output, "curl ran bash by curl: <NA>.");
  EXPECT_THAT(d.output_fields,
              ElementsAre(Pair("proc.name", "curl"), Pair("proc.aname[1]", "bash"), Pair("user.loginuid", "<NA>")));
}

TEST(OutputTest, PercentSignsAndStars) {
  EXPECT_EQ(OnlyDetection("*100%% of 1% x %proc.name.", "", ProcessExec{}).output, "100% of 1% x curl.");
  EXPECT_EQ(OnlyDetection("%", "", ProcessExec{}).output, "%");
}

TEST(OutputTest, FunctionsAndMembersAreFilledInToo) {
  const Detection d = OnlyDetection("%toupper(proc.name): %evt.arg.comm %evt.arg[comm], %proc.name[1] %fd.sip.name.",
                                    "", ProcessExec{.comm = "curl"});
  EXPECT_EQ(d.output, "CURL: curl curl, curl[1] <NA>.");
  EXPECT_EQ(d.output_fields.front(), (std::pair<std::string, std::string>("toupper(proc.name)", "CURL")));
}

TEST(FoldKeyTest, FindingsFoldByTheirKeyOthersBySuppression) {
  EXPECT_EQ(OnlyDetection("o", "", MakeFinding("egress", "upload")).fold_key, "egress:1");
  EXPECT_EQ(OnlyDetection("o", "", ProcessExec{}).fold_key, "");
  const char* suppress = "  suppress: {by: [proc.name, user.uid], for: 10m}\n";
  EXPECT_EQ(OnlyDetection("o", suppress, ProcessExec{}).fold_key,
            "curl\x1f"
            "0");
}

TEST(RuleInfoTest, CarriesWhatTheAlertSays) {
  const auto rules = MustCompile(
      "- rule: r\n  desc: why\n  priority: critical\n  output: o %proc.name\n  condition: evt.type = execve\n"
      "  tags: [a, b]\n  next_step: do\n  false_positives: [x y]\n  suppress: {by: [proc.name], for: 10m}\n");
  const auto detections = MatchAll(*rules, MakeHost(), MakeEvent(ProcessExec{}));
  ASSERT_EQ(detections.size(), 1u);
  const RuleInfo& info = *detections[0].rule;
  EXPECT_EQ(info.description, "why");
  EXPECT_EQ(info.priority, Priority::kCritical);
  EXPECT_STREQ(PriorityName(info.priority), "Critical");
  EXPECT_EQ(info.output, "o %proc.name");
  EXPECT_THAT(info.tags, ElementsAre("a", "b"));
  EXPECT_EQ(info.next_step, "do");
  EXPECT_THAT(info.false_positives, ElementsAre("x y"));
  EXPECT_EQ(info.suppress_ns, 600'000'000'000u);
  EXPECT_EQ(info.file, "r.yaml");
  EXPECT_EQ(info.line, 1);
}

}  // namespace
}  // namespace tensorwarden
