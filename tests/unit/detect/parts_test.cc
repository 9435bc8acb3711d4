#include <cmath>
#include <random>

#include "agent/base/state_codec.h"
#include "agent/detect/detectors.h"
#include "agent/detect/distinct_count.h"
#include "agent/detect/self.h"
#include "agent/detect/window_ring.h"
#include "tests/unit/detect/detect_test_base.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kSecond;
using ::testing::SizeIs;
using testing::Whats;

TEST(SelfTest, ALongBlindIntervalIsReportedAndAShortOneIsNot) {
  testing::DetectBench bench(CreateSelfDetector({}));
  EXPECT_THAT(bench.Feed(0, StateRestored{.blind_ns = 5 * kSecond}), IsEmpty());
  EXPECT_THAT(Whats(bench.Feed(0, StateRestored{.blind_ns = 6 * kSecond})), ElementsAre("blind"));
}

TEST(SelfTest, UrgentLossIsReportedWhenItBeginsAndWhenItHasDoubled) {
  testing::DetectBench bench(CreateSelfDetector({}));
  EXPECT_THAT(bench.Feed(0, LossSample{.kind = "egress", .produced = 10}), IsEmpty());
  EXPECT_THAT(Whats(bench.Feed(0, LossSample{.kind = "egress", .ring_full = 2})), ElementsAre("loss"));
  EXPECT_THAT(bench.Feed(0, LossSample{.kind = "egress", .ring_full = 3}), IsEmpty());
  EXPECT_THAT(bench.Feed(0, LossSample{.kind = "egress", .ring_full = 3, .map_full = 1}), SizeIs(1));
}

TEST(SelfTest, BulkLossIsAFloodWhenItIsMuch) {
  testing::DetectBench bench(CreateSelfDetector({}));
  EXPECT_THAT(bench.Feed(0, LossSample{.kind = "file_open", .ring_full = 9'999}), IsEmpty());
  EXPECT_THAT(Whats(bench.Feed(0, LossSample{.kind = "file_open", .ring_full = 10'000})), ElementsAre("flood"));
  EXPECT_THAT(bench.Feed(0, LossSample{.kind = "file_open", .ring_full = 19'999}), IsEmpty());
  EXPECT_THAT(Whats(bench.Feed(0, LossSample{.kind = "file_open", .ring_full = 20'000})), ElementsAre("flood"));
}

TEST(SelfTest, SetsThatShareLabelsAreToldWhenItBeginsAndWhenTheyHaveDoubled) {
  testing::DetectBench bench(CreateSelfDetector({}));
  uint64_t ino = 0;
  const auto found = [&](const std::string& directory) {
    ++ino;
    return bench.Feed(0, testing::Asset(ino, {.path = directory + std::to_string(ino) + "x.gguf"}));
  };
  for (int i = 0; i < 49; ++i) EXPECT_THAT(found("/models/"), IsEmpty()) << i;
  const auto first = found("/models/");
  ASSERT_THAT(Whats(first), ElementsAre("labels"));
  EXPECT_THAT(first[0].evidence, ::testing::StartsWith("2 asset sets share 1 label,"));
  EXPECT_THAT(found("/models/"), IsEmpty());
  EXPECT_THAT(Whats(found("/models/")), ElementsAre("labels"));
}

TEST(SelfTest, LossNamesTheProcessAndTheProcessorThatItCameFrom) {
  testing::DetectBench bench(CreateSelfDetector({}));
  bench.host.Exec(7, {.comm = "flooder"});
  const auto findings = bench.Feed(
      0, LossSample{
             .kind = "file_change", .ring_full = 5, .top = testing::Pid(7), .top_lost = 4, .ring_full_by_cpu = {1, 4}});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].process, testing::Pid(7));
  EXPECT_THAT(findings[0].evidence, ::testing::HasSubstr("4, were made by flooder (pid 7); 4 on CPU 1"));
}

TEST(SelfTest, AProbeThatLosesItsProgramIsReportedAndOneThatNeverHadOneIsNot) {
  testing::DetectBench bench(CreateSelfDetector({}));
  EXPECT_THAT(bench.Feed(0, ProbeState{.group = "gpu", .chosen = "", .why = "no LSM"}), IsEmpty());
  EXPECT_THAT(bench.Feed(0, ProbeState{.group = "file_read", .chosen = "file_read_tp"}), IsEmpty());
  const auto findings = bench.Feed(0, ProbeState{.group = "file_read", .chosen = "", .why = "link is gone"});
  ASSERT_THAT(Whats(findings), ElementsAre("probe"));
  EXPECT_THAT(findings[0].evidence, ::testing::HasSubstr("link is gone"));
}

TEST(SelfTest, RulesThatCouldNotBeReloadedAreReported) {
  testing::DetectBench bench(CreateSelfDetector({}));
  EXPECT_TRUE(bench.Feed(0, RuleReload{.ok = true, .rules = 7}).empty());
  const std::vector<Finding> findings = bench.Feed(0, RuleReload{.rules = 7, .error = "a.yaml:3:1: no such field"});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].what, "rules");
  EXPECT_EQ(findings[0].evidence,
            "the rules could not be reloaded, so 7 former ones run on: a.yaml:3:1: no such field");
}

TEST(SelfTest, TheEndOfAnEscalationIsNoLoss) {
  testing::DetectBench bench(CreateSelfDetector({}));
  EXPECT_THAT(bench.Feed(0, ProbeState{.group = "syscalls", .chosen = "syscall_exit_listed"}), IsEmpty());
  EXPECT_THAT(bench.Feed(0, ProbeState{.group = "syscalls", .chosen = "", .why = "no carrier for 10 s"}), IsEmpty());
}

TEST(DetectorsTest, TheTableHoldsAllAndItsStateRoundTrips) {
  const Detectors detectors = CreateDetectors({}, {}, {}).value();
  std::vector<std::string_view> names;
  for (const auto& detector : detectors) names.push_back(detector->Name());
  EXPECT_THAT(names, ElementsAre("egress", "integrity", "extraction", "self"));
  const std::string state = SaveDetectors(detectors);
  EXPECT_TRUE(RestoreDetectors(state, detectors).ok());
  EXPECT_TRUE(RestoreDetectors("", detectors).ok());
  EXPECT_EQ(RestoreDetectors(state.substr(1), detectors).code(), absl::StatusCode::kDataLoss);
}

TEST(DetectorsTest, ADetectorWithOtherSettingsStartsEmptyAndIsNamed) {
  const std::string state = SaveDetectors(CreateDetectors({}, {}, {}).value());
  const Detectors others = CreateDetectors({.windows = {absl::Hours(1)}}, {}, {}).value();
  const absl::Status status = RestoreDetectors(state, others);
  EXPECT_THAT(std::string(status.message()), ::testing::StartsWith("egress budgets"));
}

TEST(WindowRingTest, ForgetsWhatLeftTheWindow) {
  WindowRing ring(60 * kSecond);
  ring.Add(100 * kSecond, 5);
  ring.Add(130 * kSecond, 7);
  EXPECT_EQ(ring.Sum(), 12u);
  ring.Advance(165 * kSecond);
  EXPECT_EQ(ring.Sum(), 7u);
  ring.Add(90 * kSecond, 1);
  EXPECT_EQ(ring.Sum(), 8u) << "late: counted as of now";
  ring.Advance(100'000 * kSecond);
  EXPECT_EQ(ring.Sum(), 0u);
}

TEST(DistinctCountTest, IsExactWhenSmallAndWithinTenPercentWhenLarge) {
  std::mt19937_64 random(7);
  DistinctCount count;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = random();
    count.Add(value);
    count.Add(value);
  }
  EXPECT_EQ(count.Estimate(), 100);
  for (int size : {500, 2000, 5000, 50'000}) {
    DistinctCount large;
    for (int i = 0; i < size; ++i) large.Add(random());
    EXPECT_LT(std::abs(large.Estimate() / size - 1), 0.1) << size;
  }
}

TEST(StateCodecTest, ReadsBackWhatWasWritten) {
  StateWriter writer("magic");
  writer.Number(0);
  writer.Number(~0ull);
  writer.Real(-1.5);
  writer.Text("text");
  const std::string state = writer.Finish();
  StateReader reader(state, "magic");
  EXPECT_EQ(reader.Number(), 0u);
  EXPECT_EQ(reader.Number(), ~0ull);
  EXPECT_EQ(reader.Real(), -1.5);
  EXPECT_EQ(reader.Text(10), "text");
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_FALSE(StateReader(state, "other").ok());
}

TEST(StateCodecTest, RefusesCountsAndTextsLongerThanWhatIsLeft) {
  StateWriter writer("m");
  writer.Number(1'000'000);
  const std::string state = writer.Finish();
  StateReader count(state, "m");
  EXPECT_EQ(count.Count(2'000'000), 0u);
  EXPECT_FALSE(count.ok());
  StateReader text(state, "m");
  EXPECT_EQ(text.Text(2'000'000), "");
  EXPECT_FALSE(text.ok());
}

TEST(StateCodecTest, RefusesNumbersThatAreNone) {
  StateWriter writer("m");
  writer.Real(std::nan(""));
  const std::string state = writer.Finish();
  StateReader reader(state, "m");
  reader.Real();
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace tensorwarden
