#include "agent/detect/integrity.h"

#include "tests/unit/detect/detect_test_base.h"

namespace tensorwarden {
namespace {

using testing::Changed;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kSecond;
using testing::Named;
using testing::Renamed;
using ::testing::SizeIs;
using testing::Whats;

class IntegrityTest : public ::testing::Test {
 protected:
  IntegrityTest() : bench(std::move(CreateIntegrityDetector({}).value())) {
    HostModelConfig config;
    for (Role role : {Role::kInference, Role::kTraining, Role::kPipeline, Role::kRegistry, Role::kAdmin})
      config.workloads.push_back({.name = RoleName(role), .role = role, .exe = Exe(role)});
    bench.host = testing::TestHost(config);
    bench.host.Feed(0, testing::Asset(1));
    bench.host.Feed(0, testing::Asset(2, {.path = "/run/w.pt", .klass = "checkpoint"}));
    bench.host.Exec(66, {.comm = "dd", .path = "/bin/dd"});
  }
  static std::string Exe(Role role) { return std::string("/opt/") + RoleName(role); }
  uint32_t Confirmed(Role role) {
    bench.host.Exec(70, {.comm = RoleName(role), .path = Exe(role)});
    return 70;
  }
  testing::DetectBench bench;
};

TEST_F(IntegrityTest, AStrangerThatWritesIsReportedWithTheRange) {
  const auto findings = bench.Feed(66, Changed(1));
  ASSERT_THAT(Whats(findings), ElementsAre("in_place_write"));
  EXPECT_EQ(findings[0].evidence, "dd (pid 66) wrote into model demo.safetensors (4.0 KiB at bytes 4096 to 8191)");
  EXPECT_GE(findings[0].score, 0.9);
}

TEST_F(IntegrityTest, EachKindOfChangeHasItsName) {
  EXPECT_THAT(Whats(bench.Feed(66, Changed(1, EVENT_CHANGE_MAPPED_WRITE))), ElementsAre("mapped_write"));
  EXPECT_THAT(Whats(bench.Feed(66, Changed(1, EVENT_CHANGE_TRUNCATE))), ElementsAre("truncated"));
  EXPECT_THAT(Whats(bench.Feed(66, Changed(1, EVENT_CHANGE_DIRECT_WRITE))), ElementsAre("in_place_write"));
  const auto attributes = bench.Feed(66, Changed(1, EVENT_CHANGE_ATTRIBUTE));
  ASSERT_THAT(Whats(attributes), ElementsAre("attributes"));
  EXPECT_LE(attributes[0].score, 0.3);
}

TEST_F(IntegrityTest, MoreOfTheSameIsAnUpdateWhenItHasDoubled) {
  FileChange change = Changed(1);
  const auto first = bench.Feed(66, change);
  change.bytes = 5000;
  EXPECT_THAT(bench.Feed(66, change), IsEmpty());
  change.bytes = 9000;
  const auto update = bench.Feed(66, change);
  ASSERT_THAT(update, SizeIs(1));
  EXPECT_EQ(update[0].key, first[0].key);
}

TEST_F(IntegrityTest, AWatcherThatKnowsNoRangeSaysNone) {
  const auto findings = bench.Feed(66, Changed(1, EVENT_CHANGE_WRITE, 0, 0));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].evidence, "dd (pid 66) wrote into model demo.safetensors");
}

TEST_F(IntegrityTest, ConfirmedMakersOfModelsMayWriteAndAServerMayNot) {
  for (Role role : {Role::kTraining, Role::kPipeline, Role::kRegistry, Role::kAdmin})
    EXPECT_THAT(bench.Feed(Confirmed(role), Changed(1)), IsEmpty()) << RoleName(role);
  const auto findings = bench.Feed(Confirmed(Role::kInference), Changed(1));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(findings[0].evidence, HasSubstr("role inference makes no model"));
}

TEST_F(IntegrityTest, ATrainerMayNotWriteADatasetAndAPipelineMay) {
  bench.host.Feed(0, testing::Asset(3, {.path = "/data/x.parquet", .klass = "dataset"}));
  EXPECT_THAT(bench.Feed(Confirmed(Role::kTraining), Changed(3)), SizeIs(1));
  EXPECT_THAT(bench.Feed(Confirmed(Role::kPipeline), Changed(3)), IsEmpty());
}

TEST_F(IntegrityTest, ASuggestedTrainerIsReportedLowerAndWithTheReason) {
  bench.host.Exec(80, {.comm = "python3", .path = "/usr/bin/python3", .args = {"python3", "train.py"}});
  const auto findings = bench.Feed(80, Changed(1));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_LE(findings[0].score, 0.6);
  EXPECT_THAT(findings[0].evidence, HasSubstr("looks like training (suggested:trainer), which the config does not"));
}

TEST_F(IntegrityTest, TheCreatorMayFinishItsFileAndOnlyForAWhile) {
  bench.Feed(66, Named(EVENT_NAME_CREATE, 5, "/models/new.gguf"));
  bench.Feed(0, testing::Asset(5, {.path = "/models/new.gguf", .found_by = "birth"}));
  EXPECT_THAT(bench.Feed(66, Changed(5)), IsEmpty());
  bench.host.Exec(67, {.comm = "vim"});
  EXPECT_THAT(bench.Feed(67, Changed(5)), SizeIs(1)) << "another job";
  bench.host.now_ns += 601 * kSecond;
  EXPECT_THAT(bench.Feed(66, Changed(5)), SizeIs(1)) << "too late";
}

TEST_F(IntegrityTest, AStrangersFileRenamedOverAnAssetIsReplaced) {
  const auto findings = bench.Feed(66, Renamed(9, "/tmp/evil", "/models/demo.safetensors", 1));
  ASSERT_THAT(Whats(findings), ElementsAre("replaced"));
  EXPECT_EQ(findings[0].evidence, "dd (pid 66) put another file in the place of model demo.safetensors");
  EXPECT_THAT(bench.Feed(66, Named(EVENT_NAME_UNLINK, 1, "")), IsEmpty()) << "the old inode went with it";
  EXPECT_THAT(bench.Feed(66, Changed(1, EVENT_CHANGE_ATTRIBUTE)), IsEmpty()) << "so did its link count";
}

TEST_F(IntegrityTest, AReplacementIsSeenWithoutTheOldInode) {
  EXPECT_THAT(Whats(bench.Feed(66, Renamed(9, "/tmp/evil", "/models/demo.safetensors"))), ElementsAre("replaced"));
}

TEST_F(IntegrityTest, WhoPutItsFileOverAnAssetHasNoGrace) {
  bench.Feed(66, Renamed(9, "/tmp/evil", "/models/demo.safetensors", 1));
  EXPECT_THAT(Whats(bench.Feed(66, Changed(9))), ElementsAre("in_place_write"));
}

TEST_F(IntegrityTest, AConfirmedTrainerSavesByRenameInto) {
  EXPECT_THAT(bench.Feed(Confirmed(Role::kTraining), Renamed(9, "/run/w.tmp", "/run/w.pt", 2)), IsEmpty());
}

TEST_F(IntegrityTest, AnUnconfirmedTrainerRotatesOnlyItsOwnCheckpoints) {
  bench.Feed(66, Named(EVENT_NAME_CREATE, 5, "/run/5.pt"));
  bench.Feed(0, testing::Asset(5, {.path = "/run/5.pt", .klass = "checkpoint", .found_by = "birth"}));
  bench.host.now_ns += 7200 * kSecond;
  EXPECT_THAT(bench.Feed(66, Named(EVENT_NAME_UNLINK, 5, "/run/5.pt")), IsEmpty());
  EXPECT_THAT(Whats(bench.Feed(66, Named(EVENT_NAME_UNLINK, 2, "/run/w.pt"))), ElementsAre("deleted"));
}

TEST_F(IntegrityTest, MovingAnAssetAwayIsRenamedAndMovingAStrangersFileIsNothing) {
  EXPECT_THAT(Whats(bench.Feed(66, Renamed(1, "/models/demo.safetensors", "/tmp/x"))), ElementsAre("renamed"));
  EXPECT_THAT(bench.Feed(66, Renamed(50, "/tmp/a", "/tmp/b")), IsEmpty());
}

TEST_F(IntegrityTest, OfAnUnknownActorOnlyDataChangesAreReported) {
  const auto findings = bench.Feed(0, Changed(1));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(findings[0].evidence, HasSubstr("an unknown process wrote into"));
  EXPECT_THAT(bench.Feed(0, Changed(1, EVENT_CHANGE_ATTRIBUTE)), IsEmpty());
}

TEST_F(IntegrityTest, TwoJobsOnOneFileAreTwoMatters) {
  bench.host.Exec(67, {.comm = "vim"});
  const auto a = bench.Feed(66, Changed(1));
  const auto b = bench.Feed(67, Changed(1));
  ASSERT_THAT(a, SizeIs(1));
  ASSERT_THAT(b, SizeIs(1));
  EXPECT_NE(a[0].key, b[0].key);
}

TEST_F(IntegrityTest, AFileThatIsNoAssetMayChange) { EXPECT_THAT(bench.Feed(66, Changed(77)), IsEmpty()); }

TEST(IntegrityConfigTest, BadSettingsAreNamed) {
  EXPECT_FALSE(CreateIntegrityDetector({.max_matters = 0}).ok());
  EXPECT_FALSE(CreateIntegrityDetector({.birth_grace = -absl::Seconds(1)}).ok());
}

}  // namespace
}  // namespace tensorwarden
