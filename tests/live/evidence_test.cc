// What an alert stands on: who holds what, and who made the records that were lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "bpf/abi/event.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

using ::testing::Contains;
using ::testing::Pair;

class LiveEvidenceTest : public LiveTest {};

TEST_F(LiveEvidenceTest, HoldingsAreTheDescriptorsAndTheWatchedMappingsOfOneProcess) {
  const std::string path = MakeFile("model", 1 << 20);
  const FileKey file = Watch(path);
  Trigger map({"map_file", path});
  ASSERT_EQ(map.Line(), "mapped");
  const Event* read = WaitFor([&](const Event& event) {
    return event.origin.process.tgid == static_cast<uint32_t>(map.pid()) && event.origin.process.start_ns != 0;
  });
  ASSERT_NE(read, nullptr);
  const absl::StatusOr<Holdings> holdings = sensor().HoldingsOf(read->origin.process);
  ASSERT_TRUE(holdings.ok()) << holdings.status();
  EXPECT_THAT(holdings->mapped, Contains(Pair(file, 1u << 20)));
  const auto held = [&](uint32_t object) {
    return std::any_of(holdings->files.begin(), holdings->files.end(),
                       [&](const HeldFile& f) { return f.object == object; });
  };
  EXPECT_TRUE(held(EVENT_OBJECT_FILE));
  EXPECT_TRUE(held(EVENT_OBJECT_PIPE));
  ProcessKey another = read->origin.process;
  another.start_ns += 1;
  EXPECT_TRUE(sensor().HoldingsOf(another)->files.empty()) << "the number alone is no process";
}

TEST_F(LiveEvidenceTest, AChangeTellsTheCallThatMadeIt) {
  const std::string path = MakeFile("model", 1 << 20);
  const FileKey file = Watch(path);
  Trigger change({"change_mode", path});
  EXPECT_EQ(change.Finish(), 0);
  const auto* body = WaitForBody<FileChange>([&](const Event&, const FileChange& c) { return c.file == file; });
  ASSERT_NE(body, nullptr);
  EXPECT_FALSE(body->stack.empty());
}

// A sensor of its own: its rings are so small that anything is a flood.
TEST(LiveLossTest, LossNamesTheProcessThatFloodsAndCountsByProcessor) {
  MountTracefs();
  SensorConfig config;
  config.demand.opens = true;
  config.bulk_ring_bytes = 4096;
  absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create(config);
  if (absl::IsFailedPrecondition(sensor.status())) GTEST_SKIP() << sensor.status();
  ASSERT_TRUE(sensor.ok()) << sensor.status();
  Trigger flooder({"open_often", "/etc/passwd", "20000"});
  ASSERT_EQ(flooder.Line(), "opened");
  std::vector<Event> events;
  (*sensor)->Sample(events);
  const auto sample = std::find_if(events.begin(), events.end(), [](const Event& event) {
    const auto* loss = std::get_if<LossSample>(&event.body);
    return loss != nullptr && loss->kind == "file_open";
  });
  ASSERT_NE(sample, events.end());
  const auto& loss = std::get<LossSample>(sample->body);
  EXPECT_EQ(loss.top.tgid, static_cast<uint32_t>(flooder.pid()));
  EXPECT_NE(loss.top.start_ns, 0u);
  EXPECT_GT(loss.top_lost, 10'000u);
  EXPECT_LE(loss.top_lost, loss.ring_full);
  EXPECT_GE(loss.produced + loss.ring_full, 20'000u) << "none is lost without being counted";
  EXPECT_EQ(std::accumulate(loss.ring_full_by_cpu.begin(), loss.ring_full_by_cpu.end(), uint64_t{0}), loss.ring_full);
  events.clear();
  (*sensor)->Sample(events);
  for (const Event& event : events) {
    const auto* later = std::get_if<LossSample>(&event.body);
    EXPECT_FALSE(later != nullptr && later->top == loss.top) << "what was told is not told again";
  }
}

}  // namespace
}  // namespace tensorwarden
