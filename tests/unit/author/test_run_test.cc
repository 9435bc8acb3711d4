#include "agent/author/test_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "agent/author/event_members.h"
#include "agent/capture/capture.h"
#include "tests/support/reflect.h"

namespace tensorwarden::author {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Rule(const std::string& condition, const std::string& more = "") {
  return "- rule: r\n  desc: d\n  priority: Notice\n  output: out\n  condition: " + condition + "\n" + more;
}

// Of one test, which is `text` without "- test: t".
TestResult RunText(const std::string& rules, const std::string& text) {
  std::vector<RuleProblem> problems;
  rules::Diagnostics diagnostics(problems);
  const TestFile file("/tmp/t.yaml", "- test: t\n" + text, diagnostics);
  TestResult result;
  for (const RuleProblem& problem : problems) result.errors.push_back(ProblemLine(problem));
  return file.cases().empty() ? result : RunTest(file.cases()[0], {{"r.yaml", rules}});
}

TestResult RunEvent(const std::string& condition, const std::string& event) {
  return RunText(Rule(condition), "  rule: r\n  events: [" + event + "]\n  expect: [{}]\n");
}

struct EventRow {
  const char* condition;
  const char* event;
};

class ScriptedEventTest : public ::testing::TestWithParam<EventRow> {};

TEST_P(ScriptedEventTest, IsWhatItSays) {
  const TestResult result = RunEvent(GetParam().condition, GetParam().event);
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(result.differences, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ScriptedEventTest,
    ::testing::Values(
        EventRow{"evt.type = fork and proc.name = curl", "{process_fork: {child: 7}, by: curl}"},
        EventRow{"evt.type = execve and proc.name = wget and proc.pname = curl and user.uid = 7",
                 "{process_exec: {path: /usr/bin/wget, uid: 7}, by: 300}"},
        EventRow{"evt.type = procexit and evt.exit_code = 9", "{process_exit: {exit_code: 9}}"},
        EventRow{"evt.type = file_read and evt.op = direct and asset.name = model",
                 "{file_read: {access: direct, bytes: 1MiB}}"},
        EventRow{"evt.type = ftruncate and asset.size = 1GiB", "{file_change: {change: truncate}}"},
        EventRow{"evt.type = openat and fd.name = /etc/shadow and evt.is_open_write = true and proc.name = bash",
                 "{file_open: {path: /etc/shadow, open_flags: O_WRONLY|O_CREAT, mode: 0600}, by: bash}"},
        EventRow{"evt.type = rename and evt.abspath.src = /a", "{file_name: {op: rename, path: /b, old_path: /a}}"},
        EventRow{"evt.type = label", "{label: {source: model, labels: model, source_object: file}}"},
        EventRow{"evt.type = egress_bytes and egress.bytes = 10MB and fd.sip = 192.0.2.7 and asset.name = model",
                 "{egress_bytes: {label: model, bytes: 10MB, socket: {peer_address: 192.0.2.7, direction: out}}}"},
        EventRow{"evt.type = connect and fd.rport = 443 and fd.l4proto = tcp",
                 "{socket: {op: connect, socket: {peer_address: 192.0.2.7, peer_port: 443, protocol: tcp, family: "
                 "inet}}}"},
        EventRow{"gpu.access = 6 and device.type = block", "{device_open: {type: block, access: read_write}}"},
        EventRow{"http.path = /v1/chat and client.id = 'key:1'",
                 "{http_request: {path: /v1/chat, client: 'key:1', body_hash: 0xffffffffffffffff}}"},
        EventRow{"evt.type = asset_found and asset.class = dataset",
                 "{asset_found: {file: new, path: /srv/d, class: dataset, label: -1}}"},
        EventRow{"evt.type = tick and evt.num > 5", "{tick: }"},
        EventRow{"loss.kind = file_read", "{loss: {kind: file_read, ring_full: 3}}"},
        EventRow{"evt.type = ptrace and target.name = bash and proc.name = curl",
                 "{host_change: {op: ptrace, target: bash}}"},
        EventRow{"dns.name = example.com and dns.type = TXT", "{dns_query: {name: example.com, type: TXT}}"},
        EventRow{"evt.type = egress_bytes and egress.dest = 'nas:/share'",
                 "{egress_bytes: {socket: {family: mount, peer_address: 'nas:/share', local_address: nfs}}}"},
        EventRow{"fd.rip = '2001:db8::7'", "{socket: {op: connect, socket: {peer_address: '2001:DB8::7'}}}"},
        EventRow{"proc.pid = 200 and user.uid = 1000 and user.loginuid = 1000 and proc.pcmdline = 'bash -l' and not "
                 "container.id exists and proc.duration > 999s and proc.duration < 1001s and proc.role = none and "
                 "not proc.labels exists and evt.time startswith 2026-01-01T00:00:01 and host.name = host",
                 "{process_exit: {}}"},
        EventRow{"proc.pname = curl and user.uid = 0 and proc.cmdline = wget and not user.loginuid exists",
                 "{process_exec: {path: /usr/bin/wget}, by: 300}"},
        EventRow{"proc.pid = 7 and not proc.name exists and not user.uid exists", "{process_exit: {}, by: 7}"},
        EventRow{"asset.path = /srv/models/model.safetensors and asset.format = safetensors and asset.owner = 0 and "
                 "finding.key = 'egress:upload:200' and finding.value = 0 and not finding.dest exists",
                 "{finding: {kind: egress, what: upload}}"},
        EventRow{"fd.name = ':0->:0' and not fd.rip exists and not fd.rport exists", "{socket: {}}"},
        EventRow{"probe.group = file_open", "{probe_state: {group: file_open}}"},
        EventRow{"finding.share = 50% and proc.name = curl and asset.name = model",
                 "{finding: {kind: egress, share: 50%}}"}));

struct ErrorRow {
  const char* event;
  const char* error;
};

class ScriptErrorTest : public ::testing::TestWithParam<ErrorRow> {};

TEST_P(ScriptErrorTest, NamesThePlaceAndTheFix) {
  EXPECT_THAT(RunEvent("evt.type = tick", GetParam().event).errors, ElementsAre(HasSubstr(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Events, ScriptErrorTest,
    ::testing::Values(ErrorRow{"{file_opn: {}}", "/tmp/t.yaml:3:13: unknown key 'file_opn'; did you mean 'file_open'"},
                      ErrorRow{"{by: curl}", "an event is of one kind"},
                      ErrorRow{"{tick: {}, process_fork: {}}", "an event is of one kind"},
                      ErrorRow{"{finding: {kid: x}}", "unknown key 'kid'; did you mean 'kind'"},
                      ErrorRow{"{file_change: {change: writ}}", "want one of write, mapped_write"},
                      ErrorRow{"{file_read: {file: nothing}}", "'nothing' is no file: want the id of an asset"},
                      ErrorRow{"{tick: {}, by: nobody}", "'nobody' is no process: want a pid, or a name of bash"},
                      ErrorRow{"{device_open: {major: -1}}", "want a whole number from 0 to 4294967295"},
                      ErrorRow{"{egress_bytes: {label: /x}}", "'/x' is no asset"},
                      ErrorRow{"{tick: {}, at: soon}", "want a time, as in 5s"},
                      ErrorRow{"{tick: {}, at: 5%}", "want a time, as in 5s or 10m, not '5%'"},
                      ErrorRow{"{finding: {kind: egres}}",
                               "t.yaml:3:29: unknown value 'egres'; did you mean 'egress'?"},
                      ErrorRow{"{finding: {unit: miles}}", "want one of bytes, requests"},
                      ErrorRow{"{finding: {share: 1KiB}}", "want a share, as in 0.5 or 50%, not '1KiB'"},
                      ErrorRow{"{finding: {destination: a.example}}", "want an IP address, as in 192.0.2.7"},
                      ErrorRow{"{file_read: {bytes: 5s}}", "want a size, as in 4096 or 1GiB, not '5s'"},
                      ErrorRow{"{file_read: {bytes: 18446744073709551616}}", "want a whole number from 0 to"},
                      ErrorRow{"{process_exec: {path: /a, uid: 1KiB}}", "want a number, as in 12 or 0x1f, not '1KiB'"},
                      ErrorRow{"{file_change: {change: 99}}", "want one of write, mapped_write"},
                      ErrorRow{"{file_open: {path: /a, open_flags: O_RDRW}}", "'O_RDRW'; did you mean 'O_RDWR'"},
                      ErrorRow{"{file_read: {file: modl}}", "did you mean 'model'?"},
                      ErrorRow{"{listener: {socket: {local_address: 10.0.0.300}}}", "t.yaml:3:48: want an IP address"},
                      ErrorRow{"{socket: {socket: {peer_address: 10.0.0.0/8}}}", "want an IP address"},
                      ErrorRow{"{name_hint: {}}", "events of this kind never reach rules"}));

TEST(TestRunTest, OtherRulesCountOnlyWhereTheTestNamesNone) {
  const std::string rules = Rule("evt.type = process_exit") +
                            "- rule: s\n  desc: d\n  priority: Notice\n  output: o\n" +
                            "  condition: evt.type = process_exit\n";
  const std::string events = "  events: [{process_exit: {}}]\n";
  EXPECT_THAT(RunText(rules, "  rule: r\n" + events + "  expect: [{}]\n").differences, IsEmpty());
  EXPECT_THAT(RunText(rules, events + "  expect: [r]\n").differences,
              ElementsAre(HasSubstr("+ not expected: s (open")));
  EXPECT_THAT(RunText(rules, events + "  expect: [r, s]\n").differences, IsEmpty());
}

TEST(TestRunTest, ARuleThatIsOffIsSwitchedOnForItsTest) {
  const std::string rules = Rule("evt.type = process_exit", "  enabled: false\n");
  const std::string events = "  events: [{process_exit: {}}]\n";
  EXPECT_THAT(RunText(rules, "  rule: r\n" + events + "  expect: [{}]\n").differences, IsEmpty());
  EXPECT_THAT(RunText(rules, events + "  expect: []\n").differences, IsEmpty());
}

TEST(TestRunTest, DifferencesNameTheField) {
  const TestResult result = RunText(Rule("evt.type = process_exit"),
                                    "  rule: r\n  events: [{process_exit: {}}]\n"
                                    "  expect: [{fields: {proc.name: wget, basename(proc.exepath): curl}}]\n");
  EXPECT_THAT(result.differences, ElementsAre(HasSubstr("- missing: r"), "    proc.name: want 'wget', is 'curl'"));
  EXPECT_EQ(result.seen.size(), 1u);
}

TEST(TestRunTest, AnExceptionExpiresByTheHostsTime) {
  const std::string rules = Rule("evt.type = process_exit",
                                 "  exceptions:\n    - {name: e, fields: [proc.name], values: [[curl]], expires: "
                                 "2027-03-31}\n");
  const auto at = [&](const char* time) {
    return RunText(rules, std::string("  rule: r\n  host: {time: ") + time +
                              "}\n  events: [{process_exit: {}}]\n  expect: [{}]\n")
        .passed();
  };
  EXPECT_FALSE(at("2027-03-01T00:00:00Z"));
  EXPECT_TRUE(at("2027-05-01T00:00:00Z"));
}

TEST(TestRunTest, ListsAreReplaced) {
  const std::string rules = "- list: l\n  items: [a]\n" + Rule("evt.type = process_exit and proc.name in (l)");
  const std::string rest = "  rule: r\n  events: [{process_exit: {}}]\n  expect: [{}]\n";
  EXPECT_FALSE(RunText(rules, rest).passed());
  EXPECT_TRUE(RunText(rules, "  lists: {l: [curl]}\n" + rest).passed());
  EXPECT_THAT(RunText(rules, "  lists: [l]\n" + rest).errors, ElementsAre(HasSubstr("'lists' is {list")));
  EXPECT_THAT(RunText(rules, "  lists: {k: [curl]}\n" + rest).errors,
              ElementsAre(HasSubstr("t.yaml:2:11: there is no list 'k'")));
}

TEST(TestRunTest, ACaptureIsReplayedWithItsDetectors) {
  const std::string path = "/tmp/tensorwarden-rules-test-" + std::to_string(getpid()) + ".twcap";
  {
    auto writer = CaptureWriter::Create(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    Event event;
    event.seq = 1;
    event.body = ProcessExit{.exit_code = 3};
    ASSERT_TRUE((*writer)->Append(event).ok());
    ASSERT_TRUE((*writer)->Close().ok());
  }
  const TestResult result = RunText(Rule("evt.type = process_exit and evt.exit_code = 3"),
                                    "  rule: r\n  capture: " + path + "\n  expect: [{fields: {evt.num: 1}}]\n");
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(result.differences, IsEmpty());
  unlink(path.c_str());
}

class TestFileErrorTest : public ::testing::TestWithParam<ErrorRow> {};

TEST_P(TestFileErrorTest, IsNoTest) {
  std::vector<RuleProblem> problems;
  rules::Diagnostics diagnostics(problems);
  const TestFile file("t.yaml", GetParam().event, diagnostics);
  EXPECT_THAT(file.cases(), IsEmpty());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(ProblemLine(problems[0]), HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Files, TestFileErrorTest,
    ::testing::Values(ErrorRow{"- test: t\n  rule: r\n  capture: ''\n  expect: []\n",
                               "t.yaml:3:3: 'capture' needs the path of a file"},
                      ErrorRow{"- test: ''\n  rule: r\n  events: [{tick: {}}]\n  expect: []\n",
                               "t.yaml:1:3: a test needs a name"},
                      ErrorRow{"- test: t\n  rule: r\n  events: []\n  expect: []\n",
                               "t.yaml:3:3: without an event nothing is tested"},
                      ErrorRow{"- test: t\n  rule: r\n  events: [{tick: {}}]\n  expect: [{priority: Critcal}]\n",
                               "t.yaml:4:23: unknown value 'Critcal'; did you mean 'Critical'?"},
                      ErrorRow{"- test: t\n  rule: r\n  events: [{tick: {}}]\n  expect: [{activity: never}]\n",
                               "t.yaml:4:23: unknown value 'never'; want one of open, update, close"}));

TEST(TestRunTest, APriorityMayBeWrittenAsInRules) {
  const std::string events = "  rule: r\n  events: [{process_exit: {}}]\n";
  EXPECT_TRUE(RunText(Rule("evt.type = process_exit"), events + "  expect: [{priority: notice}]\n").passed());
  EXPECT_FALSE(RunText(Rule("evt.type = process_exit"), events + "  expect: [{priority: INFO}]\n").passed());
}

// docs/rules.md says what a scripted event has without a word about it.
TEST(TestRunTest, AProcessOfTheHostHasWhatTheTestDoesNotSay) {
  const std::string host =
      "  rule: r\n  host: {processes: [{name: a, cgroup: /user.slice}], assets: [{path: /m/w.bin}]}\n";
  EXPECT_THAT(
      RunText(Rule("proc.pid = 1000 and proc.cmdline = a and proc.exepath = /usr/bin/a and user.name = root and "
                   "group.gid = 0 and container.id = host and not user.loginuid exists and not proc.pname "
                   "exists and asset.name = w.bin and asset.class = model and not asset.format exists and "
                   "asset.size = 1GiB"),
              host + "  events: [{file_read: {}}]\n  expect: [{}]\n")
          .differences,
      IsEmpty());
}

TEST(TestRunTest, AnAssetMayBeEmpty) {
  const std::string host = "  rule: r\n  host: {assets: [{id: m, size: 0}]}\n  events: [{file_read: {}}]\n";
  EXPECT_TRUE(RunText(Rule("evt.type = file_read and asset.size = 0"), host + "  expect: [{}]\n").passed());
}

TEST(TestRunTest, RulesWithMemoryRememberWithinATest) {
  const std::string rules =
      Rule("evt.type = process_exit", "  aggregate: {count: true, by: [proc.name], window: 1m, over: 2}\n");
  const auto differences = [&](const std::string& events, const std::string& expect) {
    return RunText(rules, "  rule: r\n  events: [" + events + "]\n  expect: [" + expect + "]\n").differences;
  };
  EXPECT_THAT(differences("{process_exit: {}}, {process_exit: {}}, {process_exit: {}}", "{fields: {proc.name: curl}}"),
              IsEmpty());
  EXPECT_THAT(differences("{process_exit: {}}, {process_exit: {}}, {process_exit: {}, by: bash}", ""), IsEmpty());
  EXPECT_THAT(differences("{process_exit: {}}, {process_exit: {}}, {process_exit: {}, at: 2m}", ""), IsEmpty());
}

struct NameCounter {
  std::vector<std::string> names;
  template <class T, class... Form>
  void operator()(const char* name, T&, const Form&...) {
    names.emplace_back(name);
  }
};

template <class T>
std::vector<std::string> NamesOf() {
  NameCounter counter;
  T value;
  Members(counter, value);
  return counter.names;
}

template <class T>
void ExpectWhole() {
  const size_t members = std::is_same_v<T, ProcessSnapshot> ? MemberCount<ProcessExec>() : MemberCount<T>();
  EXPECT_EQ(NamesOf<T>().size(), members) << EventKindName(EventBody(T()));
}

// Programs run from the repository's root, as `make` does.
template <class T>
void ExpectInPage(const std::string& page) {
  std::string row = "| `" + std::string(EventKindName(EventBody(T()))) + "` | ";
  for (const std::string& name : NamesOf<T>()) row += (row.ends_with("| ") ? "" : ", ") + name;
  EXPECT_THAT(page, HasSubstr(row + " |"));
}

template <class... Ts>
void ForAll(const std::string& page) {
  (ExpectWhole<Ts>(), ...);
  (ExpectInPage<Ts>(page), ...);
}

TEST(EventMembersTest, EveryMemberHasAName) {
  std::ifstream stream("docs/rules.md");
  const std::string page((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  ForAll<ProcessFork, ProcessExec, ProcessExit, FileRead, FileChange, FileOpen, FileName, LabelMove, Egress,
         SocketState, DeviceOpen, HttpRequest, AgentStart, ProcessSnapshot, AssetHeld, Listener, AssetFound, AssetGone,
         StateRestored, LossSample, ProbeState, ClockTick, Finding, HostChange, DnsQuery, GpuCall, RuleReload,
         AccountNames>(page);
}

}  // namespace
}  // namespace tensorwarden::author
