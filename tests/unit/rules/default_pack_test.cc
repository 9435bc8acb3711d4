// The shipped rules: each fires on one event, and stays quiet on one that nearly is it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "agent/enrich/kinds.h"
#include "bpf/abi/event.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

// Programs run from the repository's root, as `make` does.
std::unique_ptr<RuleSet> DefaultRules(const std::string& more = "") {
  auto files = LoadRuleFiles({"rules"});
  EXPECT_TRUE(files.ok()) << files.status() << " (run from the repository's root)";
  if (!files.ok()) return nullptr;
  if (!more.empty()) files->push_back({"rules.d/local.yaml", more});
  std::vector<RuleProblem> problems;
  auto rules = RuleSet::Compile(*files, problems);
  EXPECT_TRUE(rules.ok()) << rules.status();
  for (const RuleProblem& problem : problems) ADD_FAILURE() << problem.path << ": " << problem.message;
  return rules.ok() ? *std::move(rules) : nullptr;
}

struct Scene {
  ProcessInfo actor;
  AssetInfo asset;
  EventBody body;
};

struct RuleCase {
  const char* rule;
  Scene fires;
  Scene near_miss;
  const char* enable = "";  // for rules that are shipped switched off
};

Scene Upload(const std::function<void(Finding&, ProcessInfo&, AssetInfo&)>& change = [](auto&, auto&, auto&) {}) {
  Scene scene;
  Finding finding = MakeFinding("egress", "upload");
  finding.stage = "1%";
  finding.share = 0.01;
  finding.destination = "192.0.2.7";
  finding.destination_class = "public";
  change(finding, scene.actor, scene.asset);
  scene.body = finding;
  return scene;
}

void Confirm(ProcessInfo& actor, Role role) {
  actor.role = role;
  actor.role_confirmed = true;
}

Scene ByConfirmed(Role role, const char* destination_class) {
  return Upload([&](Finding& f, ProcessInfo& p, AssetInfo&) {
    f.destination_class = destination_class;
    Confirm(p, role);
  });
}

Scene ToMount(Role role) {
  return Upload([&](Finding& f, ProcessInfo& p, AssetInfo&) {
    f.what = "remote_mount";
    f.destination = "nas:/share";
    f.destination_class = "mount";
    Confirm(p, role);
  });
}

Scene OfClass(Scene scene, const char* klass) {
  scene.asset.klass = klass;
  return scene;
}

Scene Change(const char* what, const char* klass = "model") {
  return OfClass({.actor = {}, .asset = {}, .body = MakeFinding("integrity", what)}, klass);
}

Scene Extraction(double score) {
  Finding finding = MakeFinding("extraction", "template");
  finding.client = "key:0011";
  finding.score = score;
  finding.file = {};
  return {.actor = {}, .asset = {}, .body = finding};
}

Scene OpenDevice(uint32_t major, ProcessInfo actor) {
  return {.actor = std::move(actor), .asset = {}, .body = DeviceOpen{.major = major, .minor = 255}};
}

Scene OpenDisk(uint32_t access) {
  return {.actor = {}, .asset = {}, .body = DeviceOpen{.major = 259, .minor = 1, .access = access, .type = 1}};
}

Scene Self(const char* what) { return {.actor = {}, .asset = {}, .body = MakeFinding("self", what)}; }

constexpr ProcessKey kServer{300, 3000};

Scene Trace(ProcessKey target, bool of_agent) {
  return {.actor = {},
          .asset = {},
          .body = HostChange{.target = target, .op = EVENT_HOST_PTRACE, .value = 2, .former = of_agent}};
}

FakeHost HostOf(const Scene& scene) {
  FakeHost host = MakeHost(scene.actor, scene.asset);
  host.processes[kServer] = {.key = kServer, .comm = "vllm", .role = Role::kInference};
  return host;
}

Scene OtherKind(const char* kind, const char* what) {
  return {.actor = {}, .asset = {}, .body = MakeFinding(kind, what)};
}

std::vector<RuleCase> Cases() {
  return {
      {"Model weights leave the host", Upload(), ByConfirmed(Role::kTraining, "public")},
      {"Confirmed workload sends weights away", ByConfirmed(Role::kInference, "private"),
       ByConfirmed(Role::kTraining, "private")},
      {"Weights move between hosts of the network", ByConfirmed(Role::kTraining, "private"),
       ByConfirmed(Role::kTraining, "public"), "- rule: Weights move between hosts of the network\n  enabled: true\n"},
      {"Guarded data leaves the host", OfClass(Upload(), "dataset"), Upload()},
      {"Guarded files are copied to a mount that leads off the host", ToMount(Role::kInference),
       ToMount(Role::kTraining)},
      {"Weights leave through a serving port", OtherKind("egress", "serving_port"), OtherKind("egress", "upload")},
      {"Weights changed in place", Change("in_place_write"), Change("in_place_write", "dataset")},
      {"Weights replaced", Change("replaced"), Change("in_place_write")},
      {"Weights deleted", Change("deleted"), Change("deleted", "dataset")},
      {"Attributes of weights changed", Change("attributes"), Change("attributes", "dataset")},
      {"Guarded data changed", Change("in_place_write", "dataset"), Change("in_place_write", "vector_store")},
      {"Model is being extracted by queries", Extraction(0.9), Extraction(0.84)},
      {"Client asks far more than before", Extraction(0.6), Extraction(0.3)},
      {"Client reached a volume rung", Extraction(0.3), Extraction(0.6),
       "- rule: Client reached a volume rung\n  enabled: true\n"},
      {"Stranger opens an accelerator", OpenDevice(195, {.uid = 1000}), OpenDevice(195, {.role = Role::kInference})},
      {"Raw device that holds models opened for writing", OpenDisk(6), OpenDisk(2)},
      {"Urgent events were lost", Self("loss"), Self("blind")},
      {"Bulk events were lost in a flood", Self("flood"), Self("loss")},
      {"A probe was lost while running", Self("probe"), Self("loss")},
      {"The agent was blind for a while", Self("blind"), Self("probe")},
      {"The agent is stopped or traced", Trace(kParent, true), Trace(kParent, false)},
      {"Model server or trainer is traced", Trace(kServer, false), Trace(kParent, false)},
  };
}

class DefaultPackTest : public ::testing::TestWithParam<RuleCase> {};

TEST_P(DefaultPackTest, FiresOnItsEventAndNotOnTheNearMiss) {
  const RuleCase& c = GetParam();
  const auto rules = DefaultRules(c.enable);
  ASSERT_NE(rules, nullptr);
  EXPECT_THAT(NamesOfMatches(*rules, HostOf(c.fires), MakeEvent(c.fires.body)), Contains(c.rule));
  EXPECT_THAT(NamesOfMatches(*rules, HostOf(c.near_miss), MakeEvent(c.near_miss.body)), Not(Contains(c.rule)));
}

INSTANTIATE_TEST_SUITE_P(Rules, DefaultPackTest, ::testing::ValuesIn(Cases()));

TEST(DefaultPackTest, EveryShippedRuleHasACase) {
  const auto files = LoadRuleFiles({"rules"});
  ASSERT_TRUE(files.ok());
  std::set<std::string> shipped, tested;
  for (const RuleFile& file : *files) {
    constexpr std::string_view kItem = "\n- rule: ";
    for (size_t at = file.text.find(kItem); at != std::string::npos; at = file.text.find(kItem, at + 1)) {
      const size_t start = at + kItem.size();
      shipped.insert(file.text.substr(start, file.text.find('\n', start) - start));
    }
  }
  for (const RuleCase& c : Cases()) tested.insert(c.rule);
  EXPECT_EQ(shipped, tested);
}

TEST(DefaultPackTest, AllRulesNeedNoHookOnOpens) { EXPECT_FALSE(DefaultRules()->Needs().opens); }

TEST(DefaultPackTest, NoRuleNeedsALookAtEveryPacket) {
  EXPECT_EQ(DefaultRules()->Needs().kinds >> kKindIndex<DnsQuery> & 1, 0u);
}

TEST(DefaultPackTest, AnApprovedDestinationIsQuiet) {
  const auto rules = DefaultRules("- list: approved_destinations\n  items: [192.0.2.7]\n");
  EXPECT_THAT(NamesOfMatches(*rules, MakeHost(), MakeEvent(Upload().body)), IsEmpty());
}

TEST(DefaultPackTest, AnUploadOfAnUnknownAssetStillAlerts) {
  FakeHost host = MakeHost();
  host.assets.clear();
  EXPECT_THAT(NamesOfMatches(*DefaultRules(), host, MakeEvent(Upload().body)),
              ::testing::ElementsAre("Model weights leave the host"));
}

TEST(DefaultPackTest, OneUploadRaisesOneAlert) {
  for (const Scene& scene : {Upload(), ByConfirmed(Role::kInference, "public"), OfClass(Upload(), "dataset")}) {
    EXPECT_EQ(NamesOfMatches(*DefaultRules(), MakeHost(scene.actor, scene.asset), MakeEvent(scene.body)).size(), 1u);
  }
}

TEST(DefaultPackTest, RootsOwnToolsMayOpenAcceleratorsAndImpostorsMayNot) {
  const Scene tool = OpenDevice(195, {.comm = "nvidia-smi", .path = "/usr/bin/nvidia-smi", .uid = 0});
  const Scene impostor = OpenDevice(195, {.comm = "nvidia-smi", .path = "/tmp/nvidia-smi", .uid = 0});
  EXPECT_THAT(NamesOfMatches(*DefaultRules(), MakeHost(tool.actor), MakeEvent(tool.body)), IsEmpty());
  EXPECT_THAT(NamesOfMatches(*DefaultRules(), MakeHost(impostor.actor), MakeEvent(impostor.body)), Not(IsEmpty()));
}

TEST(DefaultPackTest, AVolumeRungAloneIsQuiet) {
  const Scene scene = Extraction(0.3);
  EXPECT_THAT(NamesOfMatches(*DefaultRules(), MakeHost(), MakeEvent(scene.body)), IsEmpty());
}

}  // namespace
}  // namespace tensorwarden
