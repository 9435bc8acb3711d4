#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/rules/condition/network_list.h"
#include "agent/rules/condition/regex.h"
#include "bpf/abi/event.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

Event Opened(std::string path) { return MakeEvent(FileOpen{.path = std::move(path)}); }

Event Connected(std::string address, uint16_t port) {
  return MakeEvent(SocketState{.socket = {.local_address = "10.0.0.1",
                                          .peer_address = std::move(address),
                                          .local_port = 40000,
                                          .peer_port = port,
                                          .family = AF_INET,
                                          .direction = EVENT_DIRECTION_OUT},
                               .op = EVENT_SOCK_CONNECT});
}

std::vector<Event> Events() {
  std::vector<Event> events;
  for (const char* path :
       {"/", "/a", "/etc/passwd", "/etc/passwd/", "/etc", "/etcetera", "/srv/models/Llama.SafeTensors",
        "/srv/models/llama.safetensors", "/srv/models/llama-7/x.bin", "/tmp/a[b", "/tmp/ab", "/home/u/.ssh/id_rsa",
        "/home/é/.SSH/id_rsa", "/opt/k.key", "/x/é/aé", "/aaaa/aaaa/aaaa/aaaa",
        "/a/very/long/path/that/goes/on/and/on/behind/sixty/four/bytes/of/directories/one",
        "/a/very/long/path/that/goes/on/and/on/behind/sixty/four/bytes/of/directories/two"}) {
    events.push_back(Opened(path));
  }
  events.push_back(MakeEvent(FileOpen{.open_flags = O_WRONLY, .path = "/a/written"}));
  for (const char* address :
       {"10.1.2.3", "10.1.3.3", "192.0.2.7", "2001:db8::7", "2001:db9::7", "::ffff:10.1.2.9", ""}) {
    for (const uint16_t port : {0, 22, 443}) events.push_back(Connected(address, port));
  }
  for (const uint32_t exit : {0, 1, 256})
    events.push_back(MakeEvent(ProcessExit{.exit_code = static_cast<int32_t>(exit)}));
  return events;
}

// Two negations hide a condition from the index and change nothing else.
class IndexTest : public ::testing::TestWithParam<const char*> {};

TEST_P(IndexTest, FindsWhatAnEvaluationOfAllRulesFinds) {
  const std::string condition = GetParam();
  const std::string others =
      "fd.name startswith /srv or fd.name endswith .bin or fd.name contains none or fd.sport = 7";
  const auto rules =
      MustCompile(fmt::format("- rule: found\n  desc: d\n  priority: Notice\n  output: o\n  condition: {0}\n"
                              "- rule: plain\n  desc: d\n  priority: Notice\n  output: o\n"
                              "  condition: not (not ({0}))\n"
                              "- rule: other\n  desc: d\n  priority: Notice\n  output: o\n  condition: {1}\n",
                              condition, others));
  ASSERT_NE(rules, nullptr);
  const FakeHost host = MakeHost();
  size_t matches = 0, misses = 0;
  for (const Event& event : Events()) {
    std::vector<std::string> names = NamesOfMatches(*rules, host, event);
    std::erase(names, "other");
    ++(names.empty() ? misses : matches);
    EXPECT_TRUE(names.empty() || names == std::vector<std::string>({"found", "plain"}))
        << condition << ": " << ::testing::PrintToString(names);
  }
  EXPECT_GT(matches, 0u) << condition;
  EXPECT_GT(misses, 0u) << condition;
}

INSTANTIATE_TEST_SUITE_P(
    Ways, IndexTest,
    ::testing::Values(
        "fd.name = /etc/passwd", "fd.name in (/a, /etc, /opt/k.key)", "fd.name startswith /e",
        "fd.name startswith /etc/ or fd.name = /etc",
        "fd.name startswith /a/very/long/path/that/goes/on/and/on/behind/sixty/four/bytes/of/directories/o",
        "fd.name endswith /path/that/goes/on/and/on/behind/sixty/four/bytes/of/directories/two",
        "fd.name endswith .key", "fd.name endswith y or fd.name endswith .key", "fd.name contains models",
        "fd.name contains aaaa", "fd.name contains a", "fd.name icontains safetensors", "fd.name icontains /.SSH/",
        "fd.name bcontains 6C6C616D61", "fd.name bstartswith 2F657463", "fd.name glob /etc/passwd",
        "fd.name glob '/etc*'", "fd.name glob '*.key'", "fd.name glob '*models*7*'", "fd.name glob '/tmp/a[[]b'",
        "fd.name glob '/tmp/a\\[b'", "fd.name glob '/home/?*/.*_rsa'", "fd.name iglob '*LLAMA.safe*'",
        "fd.name pmatch (/etc, /opt)", "fd.name pmatch (/etc/)", "fd.name pmatch ('/srv/*/llama-7', /opt)",
        "fd.name pmatch ('/s?v')", "fd.name regex '/etc/.*'", "fd.name regex '.*/llama.*'",
        "fd.name regex '(?i).*SAFETENSORS'", "fd.name regex '.*[Ll]lama\\.[Ss]afe.*'",
        "fd.name regex '/etc/passwd|/opt/k\\.key'", "fd.name regex '.*(models|passwd).*'", "fd.name regex '.*é.*'",
        "fd.sport = 22", "fd.sport in (22, 80)", "fd.port = 443",
        "evt.exit_code = -0 and fd.name exists or evt.exit_code = 0", "fd.sip = 192.0.2.7", "fd.snet = 10.1.2.0/24",
        "fd.snet in (10.1.2.0/23, 2001:db8::/33)", "fd.net = 10.1.0.0/16", "fd.net in (2001:db8::/32, 192.0.2.7)",
        "fd.ip = 192.0.2.7", "proc.aname = bash and fd.sport = 22", "tolower(fd.name) contains safetensors",
        "(fd.name startswith /etc or fd.name contains llama) and not fd.name endswith /",
        "fd.name endswith .key or fd.sport = 22", "fd.name in (/a, /etc) or fd.snet = 10.1.2.0/24 or evt.exit_code = 1",
        "(fd.name = /a or fd.name = /etc or fd.sport = 443) and (fd.name exists or fd.sip = 192.0.2.7)",
        "proc.aname = nobody or fd.name startswith /srv", "fd.name = /a or not fd.sport exists and evt.exit_code = 0",
        "evt.is_open_write = true or fd.sport = 22", "evt.is_open_write = false and fd.name endswith .key"));

TEST(RegexTest, KnowsWhatATextCannotMatchItWithout) {
  const auto of = [](const char* pattern) {
    std::string error;
    const std::optional<rules::Regex> regex = rules::CompileRegex(pattern, error);
    return regex ? regex->prefix + "|" + regex->needed : error;
  };
  EXPECT_EQ(of("/var/lib/[a-z]+"), "/var/lib/|/var/lib/");
  EXPECT_EQ(of(".*(curl|wget) .*host12\\..*"), "|host12.");
  EXPECT_EQ(of(".*Secret.*"), "|secret");
  EXPECT_EQ(of("(?i).*secret.*"), "|");
  EXPECT_EQ(of("(aaaa|bbbb)"), "|");
  EXPECT_EQ(of("[a-z]+"), "|");
}

TEST(NetworkTest, IsWrittenAsPeopleDo) {
  for (const char* text : {"10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "::1", "0.0.0.0/0"}) {
    EXPECT_EQ(rules::NetworkText(*rules::ParseNetwork(text)), text);
  }
}

}  // namespace
}  // namespace tensorwarden
