// What conditions of Falco's language mean on our events.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/enrich/kinds.h"
#include "bpf/abi/event.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

bool Matches(const std::string& condition, const EventBody& body, const FakeHost& host) {
  // Quoted by a block, so that the text of the condition is the text of the test.
  std::string indented = condition;
  for (size_t at = indented.find('\n'); at != std::string::npos; at = indented.find('\n', at + 1)) {
    indented.insert(at + 1, "    ");
  }
  const auto rules =
      MustCompile("- rule: r\n  desc: d\n  priority: Notice\n  output: o\n  condition: |\n    " + indented + "\n");
  return rules != nullptr && !MatchAll(*rules, host, MakeEvent(body)).empty();
}

struct Truth {
  const char* condition;
  bool holds;
};

void ExpectAll(const std::vector<Truth>& truths, const EventBody& body, const FakeHost& host) {
  for (const Truth& truth : truths) EXPECT_EQ(Matches(truth.condition, body, host), truth.holds) << truth.condition;
}

// curl -o /tmp/m -T model.bin, user 1000, child of bash -l.
FakeHost Host() {
  return MakeHost({.args = {"/usr/bin/curl", "-o", "/tmp/m", "-T", "model.bin"},
                   .cmdline = "/usr/bin/curl -o /tmp/m -T model.bin",
                   .uid = 1000});
}

TEST(FunctionTruthTest, ValuesAreWorkedOut) {
  ExpectAll(
      {
          {"tolower(proc.name) = curl", true},
          {"toupper(proc.name) = CURL", true},
          {"toupper(proc.name) = curl", false},
          {"toupper(proc.name) in (WGET, CURL)", true},
          {"basename(proc.exepath) = curl", true},
          {"basename(proc.exe) = val(proc.name)", true},
          {"tolower(toupper(proc.name)) = curl", true},
          {"len(proc.name) = 4", true},
          {"len(proc.name) > 4", false},
          {"len(proc.aname) = 1", true},
          {"len(proc.aname[7]) >= 0", false},
          {"len(proc.apid) = 1", true},
          {"tolower(proc.aname) = bash", true},
          {"join(proc.aname, \"/\") = bash", true},
          {"join((proc.pname, proc.name), \"/\") = bash/curl", true},
          {"join((proc.tty, proc.name), \"/\") = curl", true},
          {"concat(proc.name, \":\", user.uid) = curl:1000", true},
          {"concat(proc.name, \":\", user.uid) in (\"curl:0\", \"curl:1000\")", true},
          {"concat(proc.name, proc.tty) exists", false},
          {"getopt(proc.args, \"o:T:\") intersects (T)", true},
          {"getopt(proc.args, \"o:T:\") in (x)", false},
          {"getopt(proc.args, \"o:T:\")[o] = /tmp/m", true},
          {"getopt(proc.args, \"o:T:\")[x] exists", false},
          {"getopt(proc.args, \"oT\")[o] = ''", true},
          {"b64(proc.name) exists", true},  // "curl" is four letters of the alphabet
          {"b64(proc.args) exists", false},
          {"tolower(proc.sname) exists or proc.name = curl", true},
      },
      ProcessExec{}, Host());
}

TEST(FunctionTruthTest, FieldsAreComparedWithFields) {
  ExpectAll(
      {
          {"proc.name = val(proc.name)", true},
          {"proc.name = val(proc.pname)", false},
          {"proc.name != val(proc.pname)", true},
          {"proc.name != val(proc.sname)", false},  // nothing is known of it
          {"proc.cmdline contains val(proc.name)", true},
          {"proc.exepath endswith val(proc.name)", true},
          {"proc.exepath icontains toupper(proc.name)", true},
          {"proc.name in val(proc.aname)", false},
          {"proc.pname in val(proc.aname)", true},
          {"proc.aname intersects val(proc.pname)", true},
          {"proc.pid > val(proc.ppid)", true},
          {"proc.pid <= val(proc.ppid)", false},
          {"proc.ppid = val(proc.apid)", true},
          {"tolower(proc.name) = tolower(proc.name)", true},
          {"proc.role.confirmed = val(proc.role.confirmed)", true},
          {"proc.role.confirmed != val(proc.role.confirmed)", false},
      },
      ProcessExec{}, Host());
}

TEST(ModifierTruthTest, SaysHowManyMustHold) {
  ExpectAll(
      {
          {"proc.name startswith anyof (wg, cu)", true},
          {"proc.name startswith anyof (wg, cx)", false},
          {"proc.name startswith allof (c, cu)", true},
          {"proc.name startswith allof (c, cx)", false},
          {"proc.name startswith oneof (c, x)", true},
          {"proc.name startswith oneof (c, cu)", false},
          {"proc.name startswith oneof (x, y)", false},
          {"proc.name contains oneof (u, x, z)", true},
          {"proc.name = anyof (wget, curl)", true},
          {"proc.name != allof (wget, scp)", true},
          {"proc.name != allof (wget, curl)", false},
          {"user.uid > anyof (2000, 500)", true},
          {"user.uid > allof (2000, 500)", false},
          {"proc.name = anyof ()", false},
          {"proc.name = allof ()", false},
          {"proc.name regex anyof ('w.*', 'c.*')", true},
          {"proc.tty = allof (0, 1)", false},
      },
      ProcessExec{}, Host());
}

TEST(OperatorTruthTest, BytesPathsAndBlanks) {
  ExpectAll(
      {
          {"proc.name bcontains 6375", true},
          {"proc.name bstartswith 6375726C", true},
          {"proc.name bstartswith 75", false},
          {"proc.name = \"\\x63url\"", true},
          {"proc.exepath pmatch (/usr/*)", true},
          {"proc.exepath pmatch (/usr/*/curl)", true},
          {"proc.exepath pmatch (/*/curl)", false},
          {"proc.exepath pmatch (/us?)", true},
          {"proc.exepath pmatch (/us)", false},
          {"proc.exepath pmatch (/etc, /usr/bin/)", true},
          {"proc.name = curl # and proc.name = x\nand user.uid = 1000", true},
          {"proc.args = ''", false},
          {"proc.pid = 0xc8", true},
          {"proc.pid = 2e2", true},
          {"proc.pid = \"200\"", true},
      },
      ProcessExec{}, Host());
}

// Falco's engine of 2022 takes `usr` for `/usr` and knows no wildcards here; we go with the later ones.
TEST(OperatorTruthTest, ARelativePathLiesBelowNoAbsoluteOne) {
  ExpectAll({{"proc.exepath pmatch (usr)", false}, {"proc.exepath pmatch (usr/bin)", false}}, ProcessExec{}, Host());
}

TEST(OperatorTruthTest, NoArgumentsAreAnEmptyText) {
  FakeHost host = MakeHost({.args = {"pkexec"}, .cmdline = "pkexec"});
  EXPECT_TRUE(Matches("evt.type = execve and proc.args = ''", ProcessExec{}, host));
  EXPECT_TRUE(Matches("evt.type = execve and proc.args = \"\"", ProcessExec{}, host));
  EXPECT_FALSE(Matches("evt.type = execve and proc.args contains x", ProcessExec{}, host));
}

TEST(AbsentTruthTest, WhatWeNeverSeeSatisfiesNothing) {
  ExpectAll(
      {
          {"proc.tty exists", false},
          {"proc.tty = 0", false},
          {"proc.tty != 0", false},
          {"not proc.tty = 0 and proc.name = curl", true},
          {"container.image.repository contains x or proc.name = curl", true},
          {"proc.name = curl and not container.image.repository in (a, b)", true},
          {"container.privileged = true", false},
          {"container.mount.dest[/proc*] != \"N/A\"", false},
          {"thread.cap_permitted contains CAP_SYS_ADMIN", false},
          {"evt.type = setuid", false},
          {"evt.type != setuid and proc.name = curl", true},
          {"evt.type in (setuid, execve)", true},
          {"evt.dir = < and proc.name = curl", true},
          {"evt.dir = > and proc.name = curl", false},
          {"evt.dir != > and proc.name = curl", true},
          {"evt.source = syscall and proc.name = curl", true},
      },
      ProcessExec{}, Host());
}

SocketState Connection(const char* peer, uint16_t port, uint32_t op = EVENT_SOCK_CONNECT) {
  SocketState state;
  state.socket = {.local_address = "10.1.2.3",
                  .peer_address = peer,
                  .local_port = 40000,
                  .peer_port = port,
                  .family = AF_INET,
                  .protocol = IPPROTO_TCP,
                  .direction = EVENT_DIRECTION_OUT};
  state.op = op;
  return state;
}

TEST(SocketTruthTest, AddressesNetworksAndPorts) {
  ExpectAll(
      {
          {"fd.ip = 192.0.2.7", true},
          {"fd.ip = 10.1.2.3", true},
          {"fd.ip != 10.1.2.3", false},
          {"fd.ip != 0.0.0.0", true},
          {"fd.net = 192.0.2.0/24", true},
          {"fd.net != \"127.0.0.0/8\"", true},
          {"fd.net != 10.0.0.0/8", false},
          {"fd.snet in (\"10.0.0.0/8\", \"192.168.0.0/16\")", false},
          {"fd.snet in (\"192.0.2.0/25\")", true},
          {"fd.cnet in (\"10.0.0.0/8\")", true},
          {"fd.sip = 192.0.2.0/24", true},
          {"fd.sip = 192.0.2.8/30", false},
          {"fd.sip in (192.0.2.7, 10.0.0.0/8)", true},
          {"fd.rnet = 0.0.0.0/0", true},
          {"fd.rnet = ::/0", true},
          {"fd.lport = 40000 and fd.rport = 443", true},
          {"fd.port in (22, 443)", true},
          {"fd.port = 22", false},
          {"fd.sport = \"443\"", true},
          {"fd.typechar = 4", true},
          {"fd.type in (ipv4, ipv6)", true},
          {"fd.l4proto = tcp and fd.sockfamily = ip and fd.is_server = false", true},
          {"evt.rawres >= 0", true},
          {"evt.rawres = 0", true},
          {"evt.res = SUCCESS and evt.failed = false", true},
          {"fd.num >= 0", true},
          {"fd.num = 3", false},
          {"fd.num != 3", false},
          {"fd.num != -1", true},
      },
      Connection("192.0.2.7", 443), Host());
}

TEST(SocketTruthTest, MappedAddressesAreIpv4) {
  EXPECT_TRUE(Matches("fd.sip = 192.0.2.7", Connection("::ffff:192.0.2.7", 443), Host()));
  EXPECT_TRUE(Matches("fd.sip = 0:0:0:0:0:0:0:1", Connection("::1", 443), Host()));
  EXPECT_TRUE(Matches("fd.snet = fd00::/8", Connection("fd12::1", 443), Host()));
}

TEST(OpenTruthTest, FlagsTypesAndDescriptors) {
  const FileOpen open{
      .file = {1, 2, 3}, .open_flags = O_WRONLY | O_TRUNC, .mode = S_IFREG | 0755, .created = true, .path = "/etc/x"};
  ExpectAll(
      {
          {"evt.arg.flags contains O_TRUNC", true},
          {"evt.arg.flags contains O_CREAT", true},
          {"evt.arg[flags] contains O_APPEND", false},
          {"evt.arg.name = /etc/x", true},
          {"evt.arg.mode = 0755", true},
          {"evt.arg.nosuch exists", false},
          {"fd.typechar = f and fd.type = file", true},
          {"evt.is_open_exec = true", true},
          {"evt.rawres >= 0 and evt.rawres != -1", true},
          {"evt.rawres > 2", false},
          {"evt.rawres in (0, 1, 2)", false},
          {"evt.rawres != val(proc.pid)", false},
          {"evt.rawres != 5", false},
          {"fs.path.name = /etc/x", true},
          {"evt.category = file", true},
          {"fd.dev.major exists", true},
      },
      open, Host());
  const FileOpen directory{.file = {1, 2, 3}, .mode = S_IFDIR | 0755, .path = "/etc"};
  EXPECT_TRUE(Matches("fd.typechar = 'd' and evt.is_open_read = true", directory, Host()));
}

TEST(ProcessTruthTest, AgesUsersAndCommandLines) {
  FakeHost host = Host();
  Event event = MakeEvent(ProcessExec{});
  event.origin.ktime_ns = 2000 + 3'000'000'000;
  const auto holds = [&](const char* condition) {
    const auto rules = MustCompile(RuleText(condition));
    return !MatchAll(*rules, host, event).empty();
  };
  EXPECT_TRUE(holds("proc.duration <= 5000000000"));
  EXPECT_TRUE(holds("proc.duration <= 5s"));
  EXPECT_FALSE(holds("proc.duration < 3s"));
  EXPECT_TRUE(holds("proc.ppid.duration > 1s"));
  EXPECT_TRUE(holds("proc.cmdline = \"curl -o /tmp/m -T model.bin\""));
  EXPECT_TRUE(holds("proc.exeline startswith /usr/bin/curl"));
  EXPECT_TRUE(holds("proc.cmdnargs = 4"));
  EXPECT_TRUE(holds("user.name != root"));
  EXPECT_FALSE(holds("user.name = root"));
  EXPECT_TRUE(holds("proc.apid = 100 and proc.apid[0] = 200"));
  EXPECT_TRUE(holds("proc.is_exe_from_memfd = false"));
}

TEST(ProcessTruthTest, UsersAndGroupsHaveTheHostsNamesOutsideOfContainers) {
  FakeHost host = Host();
  host.users = {{1000, "eve"}, {1001, "alice"}};
  host.groups = {{50, "staff"}};
  ProcessInfo& actor = host.processes[kActor];
  actor.uid = 1000;
  actor.gid = 50;
  actor.login_uid = 1001;
  const auto holds = [&](const char* condition) {
    const auto rules = MustCompile(RuleText(condition));
    return !MatchAll(*rules, host, MakeEvent(ProcessExec{})).empty();
  };
  EXPECT_TRUE(holds("user.name = eve and user.loginname = alice and group.name = staff"));
  actor.gid = 51;
  EXPECT_TRUE(holds("group.name = 51")) << "no name is known";
  actor.cgroup = "/system.slice/docker-" + std::string(64, 'a') + ".scope";
  EXPECT_TRUE(holds("user.name = 1000 and user.loginname = 1001")) << "1000 may be anybody there";
  actor.uid = 0;
  EXPECT_TRUE(holds("user.name = root"));
}

}  // namespace
}  // namespace tensorwarden
