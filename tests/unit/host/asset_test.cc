#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/builders.h"

namespace tensorwarden {
namespace {

using testing::Asset;
using testing::File;
using ::testing::IsEmpty;
using testing::kMiB;
using testing::Named;
using testing::Pid;
using testing::Renamed;
using ::testing::SizeIs;
using testing::TestHost;

uint32_t LabelOf(const TestHost& host, uint64_t ino) { return host.model().Asset(File(ino))->label; }

TEST(AssetTest, AFoundAssetIsLabelledAndWatched) {
  TestHost host;
  host.Feed(0, Asset(1));
  ASSERT_THAT(host.All<WatchFile>(), SizeIs(1));
  EXPECT_EQ(host.All<WatchFile>()[0].label, 0u);
  EXPECT_EQ(host.All<WatchFile>()[0].label_size, 64 * kMiB);
  EXPECT_EQ(host.model().Label(0)->name, "demo.safetensors");
  EXPECT_EQ(host.model().Label(1), nullptr);
}

TEST(AssetTest, FoundAgainWithAnotherSizeUpdatesTheLabelsSize) {
  TestHost host;
  host.Feed(0, Asset(1, {.size = 10}));
  host.Feed(0, Asset(1, {.size = 30}));
  EXPECT_EQ(host.model().Label(0)->size, 30u);
  EXPECT_THAT(host.All<WatchFile>(), SizeIs(1));
  host.Feed(0, Asset(1, {.size = 30}));
  EXPECT_THAT(host.effects, IsEmpty());
  EXPECT_THAT(host.model().Assets(), SizeIs(1));
}

TEST(AssetTest, ShardsShareALabelAndModelsDoNot) {
  TestHost host;
  host.Feed(0, Asset(1, {.path = "/m/a-00001-of-00002.safetensors", .size = 10}));
  host.Feed(0, Asset(2, {.path = "/m/b-00001-of-00002.safetensors", .size = 10}));
  host.Feed(0, Asset(3, {.path = "/m/a-00002-of-00002.safetensors", .size = 10}));
  host.Feed(0, Asset(4, {.path = "/m/llama-7b.gguf"}));
  host.Feed(0, Asset(5, {.path = "/m/llama-13b.gguf"}));
  EXPECT_EQ(LabelOf(host, 1), LabelOf(host, 3));
  EXPECT_NE(LabelOf(host, 1), LabelOf(host, 2));
  EXPECT_NE(LabelOf(host, 4), LabelOf(host, 5));
  EXPECT_EQ(host.model().Label(0)->size, 20u);
  EXPECT_THAT(host.model().Label(0)->assets, SizeIs(2));
}

TEST(AssetTest, TheCheckpointsOfOneRunShareALabel) {
  TestHost host;
  host.Feed(0, Asset(1, {.path = "/run/checkpoint-100/w.pt", .klass = "checkpoint"}));
  host.Feed(0, Asset(2, {.path = "/run/checkpoint-2000/w.pt", .klass = "checkpoint"}));
  host.Feed(0, Asset(3, {.path = "/other/checkpoint-100/w.pt", .klass = "checkpoint"}));
  EXPECT_EQ(LabelOf(host, 1), LabelOf(host, 2));
  EXPECT_NE(LabelOf(host, 1), LabelOf(host, 3));
}

TEST(AssetTest, ARunIsAsLargeAsItsLargestCheckpoint) {
  TestHost host;
  host.Feed(0, Asset(1, {.path = "/run/checkpoint-100/w.pt", .klass = "checkpoint", .size = 40}));
  host.Feed(0, Asset(2, {.path = "/run/checkpoint-200/w.pt", .klass = "checkpoint", .size = 60}));
  EXPECT_EQ(host.model().Label(0)->size, 60u);
}

TEST(AssetTest, AnAssetGetsTheLabelItHadBeforeARestartUnlessAnotherSetHasIt) {
  TestHost host;
  AssetFound first{.file = {1, 1, 1}, .path = "/m/a", .label = 7};
  AssetFound second{.file = {1, 2, 1}, .path = "/m/b", .label = 7};
  host.Feed(0, first);
  host.Feed(0, second);
  EXPECT_EQ(host.model().Asset({1, 1, 1})->label, 7u);
  EXPECT_EQ(host.model().Asset({1, 2, 1})->label, 0u);
}

TEST(AssetTest, After48LabelsADirectorySharesOneAndAfter62AllShareTheLast) {
  TestHost host;
  for (uint64_t i = 0; i < 48; ++i) host.Feed(0, Asset(i + 1, {.path = fmt::format("/m/{}", i)}));
  EXPECT_EQ(LabelOf(host, 48), 47u);
  host.Feed(0, Asset(100, {.path = "/d/a"}));
  host.Feed(0, Asset(101, {.path = "/d/b"}));
  EXPECT_EQ(LabelOf(host, 100), 48u);
  EXPECT_EQ(LabelOf(host, 101), 48u);
  for (uint64_t i = 0; i < 20; ++i) host.Feed(0, Asset(200 + i, {.path = fmt::format("/e{}/a", i)}));
  EXPECT_EQ(LabelOf(host, 212), 61u);
  EXPECT_EQ(LabelOf(host, 213), 63u);
  EXPECT_EQ(LabelOf(host, 219), 63u);
}

// The sets of one directory, after all labels of their own are given.
class SharedLabelTest : public ::testing::Test {
 protected:
  SharedLabelTest() {
    for (uint64_t i = 0; i < 48; ++i) host.Feed(0, Asset(i + 1, {.path = fmt::format("/m/{}", i)}));
    host.Feed(0, Asset(100, {.path = "/d/a-1-of-2.gguf", .size = 40}));
  }
  const LabelInfo& Shared() { return *host.model().Label(48); }
  TestHost host;
};

TEST_F(SharedLabelTest, SharesAreTakenOfTheSmallestSet) {
  host.Feed(0, Asset(101, {.path = "/d/a-2-of-2.gguf", .size = 30}));
  EXPECT_EQ(Shared().sets, 1u);
  EXPECT_EQ(Shared().ShareSize(), 70u) << "two shards of one set";
  host.Feed(0, Asset(102, {.path = "/d/b.gguf", .size = 50}));
  EXPECT_EQ(Shared().sets, 2u);
  EXPECT_EQ(Shared().size, 120u);
  EXPECT_EQ(Shared().ShareSize(), 50u);
  host.Feed(0, Asset(102, {.path = "/d/b.gguf", .size = 90}));
  EXPECT_EQ(Shared().ShareSize(), 70u);
  host.Feed(0, AssetGone{File(101)});
  EXPECT_EQ(Shared().ShareSize(), 40u);
}

TEST_F(SharedLabelTest, ASetThatIsAloneAgainIsCountedWhole) {
  host.Feed(0, Asset(101, {.path = "/d/b.gguf", .size = 10}));
  EXPECT_EQ(Shared().ShareSize(), 10u);
  host.Feed(0, AssetGone{File(101)});
  EXPECT_EQ(Shared().sets, 1u);
  EXPECT_EQ(Shared().ShareSize(), 40u);
}

TEST_F(SharedLabelTest, AnEmptySetAndACopyAreNotTheSmallest) {
  host.Feed(0, Asset(101, {.path = "/d/empty.gguf", .size = 0}));
  EXPECT_EQ(Shared().ShareSize(), 40u);
  host.Feed(50, testing::LabelsToFile(1ull << 48, 102));
  host.Feed(0, Asset(102, {.path = "/e/copy.gguf", .size = 40}));
  EXPECT_EQ(LabelOf(host, 102), 48u);
  EXPECT_EQ(Shared().sets, 2u);
}

TEST_F(SharedLabelTest, WhatTakesOverANameTakesOverTheSet) {
  host.Feed(0, Asset(101, {.path = "/d/b.gguf", .size = 90}));
  host.Feed(9, Renamed(103, "/d/new", "/d/b.gguf", 101));
  host.Feed(0, Asset(103, {.path = "/d/b.gguf", .size = 20}));
  host.Feed(0, AssetGone{File(101)});
  EXPECT_EQ(Shared().sets, 2u);
  EXPECT_EQ(Shared().ShareSize(), 20u);
}

TEST(AssetTest, ARunsSetIsAsLargeAsItsLargestCheckpoint) {
  TestHost host;
  for (uint64_t i = 0; i < 48; ++i) host.Feed(0, Asset(i + 1, {.path = fmt::format("/m/{}", i)}));
  host.Feed(0, Asset(100, {.path = "/d/step1.pt", .klass = "checkpoint", .size = 40}));
  host.Feed(0, Asset(101, {.path = "/d/step2.pt", .klass = "checkpoint", .size = 60}));
  host.Feed(0, Asset(102, {.path = "/d/big.gguf", .size = 90}));
  EXPECT_EQ(host.model().Label(48)->ShareSize(), 60u);
}

TEST(AssetTest, ACopyThatACarrierWroteHasTheOriginalsLabelAndAddsNoSize) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(50, testing::LabelsToFile(1, 2));
  host.Feed(0, Asset(2, {.path = "/backup/demo.safetensors", .found_by = "discovery"}));
  EXPECT_EQ(LabelOf(host, 2), 0u);
  EXPECT_EQ(host.model().Label(0)->size, 64 * kMiB);
  host.Feed(50, testing::LabelsToFile(1, 3));
  host.Feed(0, Asset(3, {.path = "/out/tuned.safetensors", .size = 5}));
  EXPECT_EQ(LabelOf(host, 3), 1u) << "of another length: not a copy";
}

TEST(AssetTest, ARenameKeepsTheLabelAndMovesThePath) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(9, Renamed(1, "/models/demo.safetensors", "/models/old.safetensors"));
  EXPECT_EQ(host.model().Asset(File(1))->path, "/models/old.safetensors");
  EXPECT_EQ(LabelOf(host, 1), 0u);
  EXPECT_THAT(host.All<WatchFile>(), SizeIs(1));
}

void ExpectReplaced(const TestHost& host) {
  const AssetInfo* now = host.model().Asset(File(2));
  ASSERT_NE(now, nullptr);
  EXPECT_EQ(now->name, "demo.safetensors");
  EXPECT_EQ(now->path, "/models/demo.safetensors");
  EXPECT_EQ(now->label, 0u);
  EXPECT_EQ(now->predecessor, File(1));
  EXPECT_EQ(host.model().Label(0)->size, 64 * kMiB);
  ASSERT_THAT(host.model().Assets(), SizeIs(1));
  ASSERT_THAT(host.All<WatchFile>(), SizeIs(1));
  EXPECT_EQ(host.All<WatchFile>()[0].file, File(2));
}

TEST(AssetTest, TheInodeRenamedOverAnAssetTakesItsNameAndLabel) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(9, Renamed(2, "/tmp/x", "/models/demo.safetensors", 1));
  ExpectReplaced(host);
}

TEST(AssetTest, AReplacementIsKnownByThePathWhenTheInodeIsNotTold) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(9, Renamed(2, "/tmp/x", "/models/demo.safetensors"));
  ExpectReplaced(host);
}

TEST(AssetTest, AnAssetRenamedOverAnotherLeavesItsOwnLabel) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(0, Asset(2, {.path = "/models/demo.tmp"}));
  host.Feed(9, Renamed(2, "/models/demo.tmp", "/models/demo.safetensors", 1));
  ExpectReplaced(host);
  EXPECT_THAT(host.model().Label(1)->assets, IsEmpty());
}

TEST(AssetTest, AReplacedInodeStaysWatchedUntilItIsGone) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(9, Renamed(2, "/tmp/x", "/models/demo.safetensors", 1));
  EXPECT_THAT(host.All<UnwatchFile>(), IsEmpty()) << "a thief may hold it open";
  EXPECT_NE(host.model().Asset(File(1)), nullptr);
  host.Feed(0, AssetGone{File(1)});
  EXPECT_THAT(host.All<UnwatchFile>(), SizeIs(1));
  EXPECT_EQ(host.model().Asset(File(1)), nullptr);
  EXPECT_EQ(host.model().Label(0)->size, 64 * kMiB);
}

TEST(AssetTest, AnUnlinkedAssetIsNoLongerListedAndTheNumberOfThemIsBounded) {
  TestHost host;
  for (uint64_t i = 1; i <= 1100; ++i) {
    host.Feed(0, Asset(i, {.path = fmt::format("/m/{}", i)}));
    host.Feed(9, Named(EVENT_NAME_UNLINK, i, fmt::format("/m/{}", i)));
  }
  EXPECT_THAT(host.model().Assets(), IsEmpty());
  EXPECT_EQ(host.model().Stats().assets, 1024u);
  EXPECT_EQ(host.model().Stats().evicted_orphans, 76u);
  EXPECT_THAT(host.All<UnwatchFile>(), SizeIs(1));
}

TEST(AssetTest, AnAssetWithASecondLinkSurvivesTheLossOfItsFirst) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(9, Named(EVENT_NAME_LINK, 1, "/models/link"));
  host.Feed(9, Named(EVENT_NAME_UNLINK, 1, "/models/demo.safetensors"));
  EXPECT_EQ(host.model().Asset(File(1))->unlinked_seq, 0u);
}

TEST(AssetTest, ALabelKeepsItsSizeWhenItsAssetIsGone) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(0, AssetGone{File(1)});
  EXPECT_EQ(host.model().Label(0)->size, 64 * kMiB) << "carriers of it still live";
  host.Feed(0, Asset(2, {.size = 7}));
  EXPECT_EQ(LabelOf(host, 2), 0u);
  EXPECT_EQ(host.model().Label(0)->size, 7u);
}

TEST(AssetTest, ANewbornKnowsItsCreatorAlsoThroughATemporaryName) {
  TestHost host;
  host.Exec(60);
  host.Feed(60, Named(EVENT_NAME_CREATE, 5, "/models/.tmp"));
  host.Feed(60, Renamed(5, "/models/.tmp", "/models/new.pt"));
  host.Feed(0, Asset(5, {.path = "/models/new.pt", .found_by = "birth"}));
  EXPECT_EQ(host.model().Asset(File(5))->creator, Pid(60));
  EXPECT_EQ(host.model().Asset(File(5))->creator_tree, Pid(60));
  EXPECT_EQ(host.model().Asset(File(5))->born_ns, host.now_ns);
}

TEST(AssetTest, MoreAssetsThanTheBoundAreRefusedAndCounted) {
  TestHost host({.max_assets = 1});
  host.Feed(0, Asset(1));
  host.Feed(0, Asset(2, {.path = "/models/b"}));
  EXPECT_EQ(host.model().Asset(File(2)), nullptr);
  EXPECT_EQ(host.model().Stats().refused_assets, 1u);
}

TEST(AssetTest, FilesThatCarriersWriteCarryLabelsUpToABound) {
  TestHost host;
  host.Feed(9, testing::LabelsToFile(1, 1));
  host.Feed(9, testing::LabelsToFile(2, 1));
  EXPECT_EQ(host.model().DerivedLabels(File(1)), 3u);
  for (uint64_t i = 2; i <= 65537; ++i) host.Feed(9, testing::LabelsToFile(1, i));
  EXPECT_EQ(host.model().DerivedLabels(File(1)), 0u);
  EXPECT_EQ(host.model().Stats().evicted_derived, 1u);
}

// --- serving ports ---

testing::ExecFacts Python(std::vector<std::string> args) {
  args.insert(args.begin(), "python3");
  return {.comm = "python3", .path = "/usr/bin/python3.11", .args = std::move(args)};
}

TEST(ServingPortTest, AThiefThatServesTheModelsDirectoryServesNoModel) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Exec(100, Python({"-m", "http.server", "8000"}));
  host.Feed(100, testing::Listening(8000));
  host.Feed(100, testing::LabelsTo(1));
  EXPECT_FALSE(host.model().IsServingPort(8000));
  EXPECT_EQ(host.Process(100).workload, "suggested:listener") << "for people only";
  EXPECT_THAT(host.All<ServePort>(), IsEmpty());
}

TEST(ServingPortTest, AServerOfTheCatalogueServesOnceItHoldsAModel) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Exec(100, Python({"/usr/bin/vllm", "serve"}));
  host.Feed(100, testing::Listening(8000));
  EXPECT_FALSE(host.model().IsServingPort(8000));
  host.Feed(100, testing::LabelsTo(1));
  EXPECT_TRUE(host.model().IsServingPort(8000));
  ASSERT_THAT(host.All<ServePort>(), SizeIs(1));
  EXPECT_TRUE(host.All<ServePort>()[0].on);
  host.Feed(100, ProcessExit{});
  EXPECT_FALSE(host.model().IsServingPort(8000));
}

TEST(ServingPortTest, ATokenizerIsNoModel) {
  TestHost host;
  host.Feed(0, Asset(1, {.klass = "tokenizer"}));
  host.Exec(100, Python({"/usr/bin/vllm", "serve"}));
  host.Feed(100, testing::Listening(8000));
  host.Feed(100, testing::LabelsTo(1));
  EXPECT_FALSE(host.model().IsServingPort(8000));
}

TEST(ServingPortTest, AFrontEndServesWhenItsWorkerHoldsTheModel) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Exec(100, Python({"/usr/bin/vllm", "serve"}));
  host.Feed(100, testing::Listening(8000));
  host.Fork(100, 101);
  host.Feed(101, testing::LabelsTo(1));
  EXPECT_TRUE(host.model().IsServingPort(8000));
}

TEST(ServingPortTest, AConfirmedServerServesOnItsPortsOnly) {
  HostModelConfig config;
  config.workloads.push_back({.name = "api", .role = Role::kInference, .cgroup = "/api", .serving_ports = {9000}});
  TestHost host(config);
  host.Exec(100, {.cgroup = "/api"});
  host.Feed(100, testing::Listening(9000));
  host.Feed(100, testing::Listening(9001));
  EXPECT_TRUE(host.model().IsServingPort(9000));
  EXPECT_FALSE(host.model().IsServingPort(9001));
  host.Exec(200, {.cgroup = "/elsewhere"});
  host.Feed(200, testing::Listening(9001));
  EXPECT_FALSE(host.model().IsServingPort(9001));
}

TEST(ServingPortTest, APythonProgramServesWhenItHeldTheModelBeforeItListenedAndNamesARuntime) {
  TestHost host;
  host.Feed(0, Asset(1));
  const auto serves = [&](uint32_t pid, std::vector<std::string> args, bool model_first) {
    const auto port = static_cast<uint16_t>(7000 + pid);
    host.Exec(pid, Python(std::move(args)));
    if (model_first) host.Feed(pid, testing::LabelsTo(1));
    host.Feed(pid, testing::Listening(port));
    if (!model_first) host.Feed(pid, testing::LabelsTo(1));
    return host.model().IsServingPort(port);
  };
  EXPECT_TRUE(serves(100, {"serve.py", "--backend", "torch"}, true));
  EXPECT_TRUE(serves(101, {"-m", "uvicorn", "app:app"}, true));
  EXPECT_FALSE(serves(102, {"serve.py", "--backend", "torch"}, false));
  EXPECT_FALSE(serves(103, {"serve.py"}, true));
  host.Feed(103, DeviceOpen{.major = 195});
  EXPECT_TRUE(host.model().IsServingPort(7103)) << "it works on a GPU";
}

TEST(ServingPortTest, AServerFoundRunningServesByWhatItHolds) {
  TestHost host;
  host.Feed(0, Asset(1));
  host.Feed(100, ProcessSnapshot{testing::Image(Python({"-m", "sglang.launch_server"}))});
  host.Feed(100, AssetHeld{.file = File(1), .mapped = true});
  Listener listener;
  listener.socket.local_port = 30000;
  host.Feed(100, listener);
  EXPECT_TRUE(host.model().IsServingPort(30000));
  EXPECT_EQ(host.Process(100).labels, 1u);
}

TEST(ServingPortTest, AServerThatForksIntoTheBackgroundKeepsItsPort) {
  HostModelConfig config;
  config.workloads.push_back({.name = "api", .role = Role::kInference, .cgroup = "/api"});
  TestHost host(config);
  host.Exec(100, {.cgroup = "/api"});
  host.Feed(100, testing::Listening(9000));
  host.Fork(100, 101);
  host.Feed(100, ProcessExit{});
  EXPECT_TRUE(host.model().IsServingPort(9000));
  EXPECT_THAT(host.All<ServePort>(), IsEmpty()) << "it never went off";
  host.Feed(101, ProcessExit{});
  EXPECT_FALSE(host.model().IsServingPort(9000));
}

TEST(ServingPortTest, AServerThatExecsSomethingElseLosesItsPort) {
  HostModelConfig config;
  config.workloads.push_back({.name = "api", .role = Role::kInference, .exe = "/opt/api"});
  TestHost host(config);
  host.Exec(100, {.path = "/opt/api"});
  host.Feed(100, testing::Listening(9000));
  host.Exec(100, {.path = "/bin/nc"});
  EXPECT_FALSE(host.model().IsServingPort(9000));
}

}  // namespace
}  // namespace tensorwarden
