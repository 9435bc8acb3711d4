#include "agent/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

AgentConfig Parsed(const std::string& text) {
  absl::StatusOr<AgentConfig> agent = ParseConfig("t.yaml", text);
  EXPECT_TRUE(agent.ok()) << agent.status();
  return agent.ok() ? *agent : AgentConfig();
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<AgentConfig> agent = ParseConfig("t.yaml", text);
  EXPECT_EQ(agent.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(agent.status().message());
}

TEST(ConfigTest, AnEmptyTextIsTheDefaults) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "{}\n", "egress:\nassets:\noutputs: []\n"}) {
    const AgentConfig agent = Parsed(text);
    EXPECT_EQ(agent.state_dir, "/var/lib/tensorwarden") << text;
    EXPECT_TRUE(agent.discover);
    EXPECT_THAT(agent.egress.ladder, ElementsAre(0.01, 0.10, 0.50, 1.00));
    EXPECT_TRUE(agent.outputs.empty());
  }
}

TEST(ConfigTest, EveryKeyArrivesWhereItBelongs) {
  const AgentConfig agent = Parsed(R"(
state_dir: /var/lib/x
rules: [rules.d, /usr/share/x.yaml]
discover: false
discover_paths: [/srv]
assets:
  - {name: llama, class: checkpoint, paths: [/srv/a/**, /srv/b/*.gguf, /srv/c/]}
workloads:
  - name: vllm
    role: inference
    confirm: {exe: /usr/bin/python3, cgroup: /system.slice/vllm.service, unit: vllm.service, user: root}
    serving_ports: [8000, 8001]
egress: {ladder: [5%, 0.5], windows: [10s, 1h30m], min_bytes: 1KiB, serving_share: 25%, max_budgets: 10, max_sockets: 11}
integrity: {birth_grace: 3m, max_matters: 12}
extraction: {ladder: [10, 20], window: 24h, burst_requests: 5, burst_window: 30s, history_sigma: 4.5,
             template_min_requests: 100, template_share: 70%, template_distinct: 0.9, max_clients: 13, max_summaries: 14}
http: {trusted_proxies: [10.0.0.0/8, "fd00::1"], api_key_headers: [X-Key], prefix_bytes: 32, max_connections: 15,
       max_head_bytes: 8KiB}
sensor: {discover_min_bytes: 2MiB, escalation_hold: 20s, urgent_ring: 16MiB, bulk_ring: 128KiB, tier: data_path}
limits: {max_processes: 1_000, max_dead_processes: 16, max_assets: 17}
outputs:
  - {type: stdout, format: text}
  - {type: file, format: falco, path: /var/log/a.json, max_size: 1MB, keep: 2}
)");
  EXPECT_EQ(agent.state_dir, "/var/lib/x");
  EXPECT_THAT(agent.rules.paths, ElementsAre("rules.d", "/usr/share/x.yaml"));
  EXPECT_FALSE(agent.discover);
  EXPECT_THAT(agent.discover_paths, ElementsAre("/srv"));
  ASSERT_EQ(agent.assets.size(), 1u);
  EXPECT_EQ(agent.assets[0].name, "llama");
  EXPECT_EQ(agent.assets[0].klass, "checkpoint");
  EXPECT_THAT(agent.assets[0].paths, ElementsAre("/srv/a/**", "/srv/b/*.gguf", "/srv/c", "/srv/c/**"));
  ASSERT_EQ(agent.host.workloads.size(), 1u);
  const WorkloadSpec& workload = agent.host.workloads[0];
  EXPECT_EQ(workload.name, "vllm");
  EXPECT_EQ(workload.role, Role::kInference);
  EXPECT_EQ(workload.exe, "/usr/bin/python3");
  EXPECT_EQ(workload.cgroup, "/system.slice/vllm.service");
  EXPECT_EQ(workload.unit, "vllm.service");
  EXPECT_EQ(workload.user, "root");
  EXPECT_EQ(workload.uid, 0u);
  EXPECT_THAT(workload.serving_ports, ElementsAre(8000, 8001));
  EXPECT_THAT(agent.egress.ladder, ElementsAre(0.05, 0.5));
  EXPECT_THAT(agent.egress.windows, ElementsAre(absl::Seconds(10), absl::Minutes(90)));
  EXPECT_EQ(agent.egress.min_bytes, 1024u);
  EXPECT_EQ(agent.egress.serving_share, 0.25);
  EXPECT_EQ(agent.egress.max_budgets, 10u);
  EXPECT_EQ(agent.egress.max_sockets, 11u);
  EXPECT_EQ(agent.integrity.birth_grace, absl::Minutes(3));
  EXPECT_EQ(agent.integrity.max_matters, 12u);
  EXPECT_THAT(agent.extraction.ladder, ElementsAre(10, 20));
  EXPECT_EQ(agent.extraction.window, absl::Hours(24));
  EXPECT_EQ(agent.extraction.burst_requests, 5u);
  EXPECT_EQ(agent.extraction.burst_window, absl::Seconds(30));
  EXPECT_EQ(agent.extraction.history_sigma, 4.5);
  EXPECT_EQ(agent.extraction.template_min_requests, 100u);
  EXPECT_EQ(agent.extraction.template_share, 0.7);
  EXPECT_EQ(agent.extraction.template_distinct, 0.9);
  EXPECT_EQ(agent.extraction.max_clients, 13u);
  EXPECT_EQ(agent.extraction.max_summaries, 14u);
  EXPECT_THAT(agent.http.trusted_proxies, ElementsAre("10.0.0.0/8", "fd00::1"));
  EXPECT_THAT(agent.http.api_key_headers, ElementsAre("x-key"));
  EXPECT_EQ(agent.http.prefix_bytes, 32u);
  EXPECT_EQ(agent.http.max_connections, 15u);
  EXPECT_EQ(agent.http.max_head_bytes, 8192u);
  EXPECT_EQ(agent.sensor.discover_min_bytes, 2u << 20);
  EXPECT_EQ(agent.sensor.escalation_hold, absl::Seconds(20));
  EXPECT_EQ(agent.sensor.urgent_ring_bytes, 16u << 20);
  EXPECT_EQ(agent.sensor.bulk_ring_bytes, 128u << 10);
  EXPECT_EQ(agent.sensor.tier, "data_path");
  EXPECT_EQ(agent.host.max_processes, 1000u);
  EXPECT_EQ(agent.host.max_dead_processes, 16u);
  EXPECT_EQ(agent.host.max_assets, 17u);
  ASSERT_EQ(agent.outputs.size(), 2u);
  EXPECT_EQ(agent.outputs[0].format, AlertFormat::kText);
  EXPECT_EQ(agent.outputs[1].type, "file");
  EXPECT_EQ(agent.outputs[1].format, AlertFormat::kFalco);
  EXPECT_EQ(agent.outputs[1].path, "/var/log/a.json");
  EXPECT_EQ(agent.outputs[1].max_bytes, 1'000'000u);
  EXPECT_EQ(agent.outputs[1].keep, 2);
}

struct BadCase {
  const char* name;
  const char* text;
  const char* error;
};

class BadConfigTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadConfigTest, IsOneLineWithPlaceAndFix) {
  const std::string error = ErrorOf(GetParam().text);
  EXPECT_THAT(error, HasSubstr(GetParam().error));
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Errors, BadConfigTest,
    ::testing::ValuesIn(std::vector<BadCase>{
        {"UnknownTopKey", "a: 1\n", "t.yaml:1:1: unknown key 'a'; known here: state_dir, rules"},
        {"MisspeltTopKey", "\nasets: []\n", "t.yaml:2:1: unknown key 'asets'; did you mean 'assets'?"},
        {"MisspeltInnerKey", "egress:\n  lader: [1%]\n", "t.yaml:2:3: unknown key 'lader'; did you mean 'ladder'?"},
        {"DuplicateKey", "discover: true\ndiscover: false\n",
         "t.yaml:2:1: duplicate key 'discover', first on line 1; remove one"},
        {"ListForMap", "egress: [1]\n", "t.yaml:1:9: expected a map, found a list"},
        {"ValueForList", "rules: a\n", "t.yaml:1:8: expected a list of paths or a map, found a value"},
        {"MapForValue", "state_dir: {a: b}\n", "t.yaml:1:12: expected a value, found a map"},
        {"NoValue", "state_dir:\n", "needs a value"},
        {"NoBoolean", "discover: maybe\n", "t.yaml:1:11: 'maybe' is neither true nor false"},
        {"NoDuration", "integrity: {birth_grace: 5}\n", "'5' is no duration; write for example 30s"},
        {"LongDuration", "integrity: {birth_grace: 25h}\n", "25h is out of range; allowed: 0 to 1d"},
        {"NoShare", "egress: {ladder: [x]}\n", "'x' is no share; write for example 10% or 0.1"},
        {"ShareOverAll", "egress: {ladder: [120%]}\n", "120% is out of range; allowed: more than 0% up to 100%"},
        {"NoShareAtAll", "egress: {ladder: [0]}\n", "0 is out of range"},
        {"DescendingLadder", "egress:\n  ladder: [10%, 1%]\n",
         "t.yaml:2:17: '1%' must be greater than the one before it"},
        {"EmptyLadder", "egress: {ladder: []}\n", "needs at least one element"},
        {"NoSize", "egress: {min_bytes: 64 elephants}\n", "'64 elephants' is no size; write for example 64MiB"},
        {"HugeSize", "egress: {min_bytes: 99999TiB}\n", "allowed: 1 to 1TiB"},
        {"NegativeSize", "egress: {min_bytes: -1}\n", "is no size"},
        {"RingOfOddSize", "sensor: {bulk_ring: 3MiB}\n", "3MiB is no power of two"},
        {"RingTooSmall", "sensor: {bulk_ring: 4KiB}\n", "allowed: 64KiB to 1GiB"},
        {"NegativeCount", "limits: {max_assets: -1}\n", "'-1' is no whole number; allowed: 1 to 16777216"},
        {"CountPastAllIntegers", "limits: {max_assets: 99999999999999999999999}\n", "is out of range"},
        {"PortTooHigh", "workloads: [{name: a, role: admin, confirm: {user: root}, serving_ports: [70000]}]\n",
         "70000 is out of range; allowed: 1 to 65535"},
        {"UnknownRole", "workloads: [{name: a, role: inferense, confirm: {user: root}}]\n",
         "'inferense' is not known, did you mean 'inference'?; allowed: inference, training"},
        {"NoConfirmation", "workloads:\n  - {name: a, role: admin, confirm: {}}\n",
         "t.yaml:2:5: workload 'a' needs a confirmation: at least one of exe, cgroup, unit, user"},
        {"ConfirmMissing", "workloads:\n  - {name: a, role: admin}\n", "t.yaml:2:5: key 'confirm' is missing"},
        {"UnknownUser", "workloads: [{name: a, role: admin, confirm: {user: nobody-of-that-name}}]\n",
         "this host has no user 'nobody-of-that-name'"},
        {"NoUnit", "workloads: [{name: a, role: admin, confirm: {unit: vllm}}]\n", "'vllm' is no systemd unit"},
        {"TwoWorkloadsOfOneName",
         "workloads: [{name: a, role: admin, confirm: {user: root}}, {name: a, role: admin, confirm: {user: root}}]\n",
         "workload 'a' is declared twice"},
        {"RelativeAsset", "assets: [{name: a, paths: [models/*]}]\n", "'models/*' must be an absolute path"},
        {"AssetWithoutPaths", "assets: [{name: a, paths: []}]\n", "asset 'a' has no paths"},
        {"AssetWithoutName", "assets: [{paths: [/a]}]\n", "key 'name' is missing"},
        {"UnknownClass", "assets: [{name: a, class: weights, paths: [/a]}]\n",
         "'weights' is not known; allowed: model"},
        {"NoAddress", "http: {trusted_proxies: [10.0.0.0/33]}\n", "'10.0.0.0/33' is no address or block"},
        {"NoHeader", "http: {api_key_headers: [\"a b\"]}\n", "'a b' is no HTTP header name"},
        {"ControlCharacter", "state_dir: \"/a\\nb\"\n", "holds a control character"},
        {"UnknownOutput", "outputs: [{type: kafka}]\n", "'kafka' is not known; allowed: stdout, file"},
        {"FileWithoutPath", "outputs: [{type: file}]\n", "an output of type file needs a path"},
        {"StdoutWithPath", "outputs: [{type: stdout, path: /a}]\n", "an output of type stdout has no path"},
        {"SameOutputTwice", "outputs: [{type: file, path: /a}, {type: file, path: /a}]\n", "two outputs write to '/a'"},
        {"Tag", "state_dir: !x /a\n", "tags (!...) are not used here"},
        {"Alias", "state_dir: &a /a\nrules: [*a]\n", "aliases (*name) are not used here"},
        {"SecondDocument", "discover: true\n---\ndiscover: true\n", "t.yaml:3:1: a second document"},
        {"Directive", "discover: true\n%TAG", "t.yaml:2:1: a line must not start with %"},
        {"ListAtTop", "- a\n", "t.yaml:1:1: expected a map, found a list"},
        {"TabIndent", "egress:\n\tladder: [1%]\n", "t.yaml:2:"},
        {"RuleKey", "rules:\n  disabled: [a]\n", "t.yaml:2:3: unknown key 'disabled'; did you mean 'disable'?"},
        {"RuleTag", "rules:\n  disable: [a, 'tag:']\n", "t.yaml:2:17: 'tag:' needs a tag, as in tag:egress"},
        {"RuleSwitch", "rules:\n  enable: a\n", "t.yaml:2:11: expected a list, found a value"},
        {"RulePriority", "rules:\n  minimum_priority: High\n",
         "t.yaml:2:21: 'High' is no priority; use Emergency, Alert, Critical"},
        {"RuleMatching", "rules:\n  matching: some\n", "t.yaml:2:13: "},
        {"OpenBracket", "rules: [a\n", "t.yaml:"},
        {"KeyThatIsAList", "[a]: b\n", "a key must be a plain word"}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ConfigTest, ANulByteIsRefusedWithItsLine) {
  EXPECT_THAT(ErrorOf(std::string("a: b\n\0", 6)), HasSubstr("t.yaml:2:1: holds a NUL byte"));
}

TEST(ConfigTest, DeepNestingIsRefused) { EXPECT_THAT(ErrorOf("a: " + std::string(5000, '[')), HasSubstr("t.yaml:1:")); }

TEST(ConfigTest, ALongTextIsRefusedUnread) {
  EXPECT_THAT(ErrorOf(std::string((1 << 20) + 1, '#')), HasSubstr("longer than"));
}

TEST(ConfigTest, TheDigestIsThatOfTheText) {
  EXPECT_EQ(Parsed("").digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_NE(Parsed("discover: true\n").digest, Parsed("discover: false\n").digest);
}

TEST(ConfigTest, RulePathsAreRelativeToTheFileThatNamesThem) {
  const absl::StatusOr<AgentConfig> agent = ParseConfig("/etc/tw/t.yaml", "rules: [rules.d, /a]\n");
  ASSERT_TRUE(agent.ok());
  EXPECT_THAT(agent->rules.paths, ElementsAre("/etc/tw/rules.d", "/a"));
}

TEST(ConfigTest, WhichRulesRunIsChosenByNameAndTagInTheOrderOffThenOn) {
  const AgentConfig agent = Parsed(
      "rules:\n  enable: [Model*, \"tag:attack:T1048\"]\n  paths: [/a]\n  disable: [\"*\"]\n  minimum_priority: "
      "warning\n"
      "  matching: first\n");
  EXPECT_THAT(agent.rules.paths, ElementsAre("/a"));
  const RuleOptions& options = agent.rules.options;
  ASSERT_EQ(options.switches.size(), 3u);
  EXPECT_FALSE(options.switches[0].enable);
  EXPECT_EQ(options.switches[0].name, "*");
  EXPECT_TRUE(options.switches[1].enable);
  EXPECT_EQ(options.switches[1].name, "Model*");
  EXPECT_EQ(options.switches[2].tag, "attack:T1048");
  EXPECT_EQ(options.switches[2].path, "t.yaml");
  EXPECT_EQ(options.switches[2].line, 2);
  EXPECT_EQ(options.minimum, Priority::kWarning);
  EXPECT_TRUE(options.first_match_only);
}

TEST(ConfigTest, EveryRuleRunsByDefault) {
  const RuleOptions options = Parsed("rules: [/a]\n").rules.options;
  EXPECT_TRUE(options.switches.empty());
  EXPECT_EQ(options.minimum, Priority::kDebug);
  EXPECT_FALSE(options.first_match_only);
}

// The shipped example holds the keys behind a #: what it says must be true.
TEST(ConfigTest, TheShippedExampleIsValidAsItStandsAndWithEveryLineInUse) {
  std::stringstream text;
  text << std::ifstream("packaging/tensorwarden.yaml").rdbuf();
  ASSERT_FALSE(text.str().empty()) << "run from the top of the repository";
  EXPECT_TRUE(ParseConfig("example", text.str()).ok());
  std::string in_use, line;
  while (std::getline(text, line)) {
    const bool prose = line.size() < 2 || line[0] != '#' || (line[1] == ' ' && line[2] != ' ');
    if (!prose) in_use += line.substr(1) + "\n";
  }
  const size_t user = in_use.find("user: backup");
  ASSERT_NE(user, std::string::npos);
  in_use.replace(user, 12, "user: root");  // a user that every host has
  const AgentConfig agent = Parsed(in_use);
  const AgentConfig defaults;
  EXPECT_EQ(agent.egress.ladder, defaults.egress.ladder);
  EXPECT_EQ(agent.egress.windows, defaults.egress.windows);
  EXPECT_EQ(agent.egress.min_bytes, defaults.egress.min_bytes);
  EXPECT_EQ(agent.extraction.ladder, defaults.extraction.ladder);
  EXPECT_EQ(agent.extraction.window, defaults.extraction.window);
  EXPECT_EQ(agent.http.max_head_bytes, defaults.http.max_head_bytes);
  EXPECT_EQ(agent.sensor.bulk_ring_bytes, defaults.sensor.bulk_ring_bytes);
  EXPECT_EQ(agent.host.max_processes, defaults.host.max_processes);
  EXPECT_EQ(agent.host.workloads.size(), 2u);
}

class ConfigFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "config_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::filesystem::create_directory(folder_ + "/conf.d");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Put(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }
  absl::StatusOr<AgentConfig> Load(bool must_exist = true) const { return LoadConfig(folder_ + "/t.yaml", must_exist); }

  std::string folder_;
};

TEST_F(ConfigFilesTest, DropInsAreReadInOrderLaterValuesWinAndListsAreJoined) {
  Put("t.yaml", "state_dir: /a\negress: {ladder: [1%, 2%], min_bytes: 1}\nassets: [{name: a, paths: [/a]}]\n");
  Put("conf.d/20-b.yaml", "state_dir: /c\n");
  Put("conf.d/10-a.yaml", "state_dir: /b\negress: {ladder: [5%]}\nassets: [{name: b, paths: [/b]}]\n");
  Put("conf.d/30-ignored.txt", "not yaml: [\n");
  Put("conf.d/.hidden.yaml", "not yaml: [\n");
  const absl::StatusOr<AgentConfig> agent = Load();
  ASSERT_TRUE(agent.ok()) << agent.status();
  EXPECT_EQ(agent->state_dir, "/c");
  EXPECT_THAT(agent->egress.ladder, ElementsAre(0.05));
  EXPECT_EQ(agent->egress.min_bytes, 1u);
  ASSERT_EQ(agent->assets.size(), 2u);
  EXPECT_EQ(agent->assets[1].name, "b");
}

TEST_F(ConfigFilesTest, AnErrorInADropInNamesThatFile) {
  Put("t.yaml", "");
  Put("conf.d/a.yaml", "\n\n  wrong: 1\n");
  const absl::Status status = Load().status();
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder_ + "/conf.d/a.yaml:3:3: unknown key 'wrong'"));
}

TEST_F(ConfigFilesTest, AMissingFileIsAnErrorOnlyWhenItWasNamed) {
  EXPECT_EQ(Load(true).status().code(), absl::StatusCode::kNotFound);
  Put("conf.d/a.yaml", "state_dir: /a\n");
  const absl::StatusOr<AgentConfig> agent = Load(false);
  ASSERT_TRUE(agent.ok()) << agent.status();
  EXPECT_EQ(agent->state_dir, "/a");
}

TEST_F(ConfigFilesTest, AnAssetDeclaredInTwoFilesIsAnError) {
  Put("t.yaml", "assets: [{name: a, paths: [/a]}]\n");
  Put("conf.d/a.yaml", "assets: [{name: a, paths: [/b]}]\n");
  EXPECT_THAT(std::string(Load().status().message()), HasSubstr("conf.d/a.yaml:1:10: asset 'a' is declared twice"));
}

TEST_F(ConfigFilesTest, ADirectoryInPlaceOfTheFileIsAnErrorWithItsPath) {
  std::filesystem::create_directory(folder_ + "/t.yaml");
  EXPECT_THAT(std::string(Load().status().message()), HasSubstr(folder_ + "/t.yaml"));
}

TEST(ConfigTest, TheRecorderNeedsASizeAndTakesPrioritiesByName) {
  const auto config = ParseConfig("c", "recorder: {size: 64MiB, on_alert: Warning, before: 2m, keep: 3}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->recorder.max_bytes, 64u << 20);
  EXPECT_EQ(config->recorder.on_alert, static_cast<int>(Priority::kWarning));
  EXPECT_EQ(config->recorder.before, absl::Minutes(2));
  EXPECT_EQ(ParseConfig("c", "recorder: {size: 1MiB, on_alert: never}\n")->recorder.on_alert, -1);
  EXPECT_EQ(ParseConfig("c", "{}\n")->recorder.max_bytes, 0u) << "off";
  EXPECT_FALSE(ParseConfig("c", "recorder: {keep: 3}\n").ok());
  EXPECT_FALSE(ParseConfig("c", "recorder: {size: 64MiB, on_alert: critical-ish}\n").ok());
}

}  // namespace
}  // namespace tensorwarden
