// Rules that add up what a key's events are worth.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "agent/enrich/kinds.h"
#include "tests/unit/rules/memory_scene.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;

std::string Aggregate(const std::string& aggregate, const std::string& condition = "evt.type = open") {
  return MemoryRule("  condition: " + condition + "\n  aggregate: {" + aggregate + "}\n");
}

TEST(AggregateTest, CountFiresAboveTheThresholdAndSaysWhy) {
  MemoryScene scene(Aggregate("count: true, by: [proc.name], window: 1m, over: 2"));
  EXPECT_FALSE(scene.Fires(1 * kSecondNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Exec())) << "the condition says which events count";
  EXPECT_THAT(scene.At(3 * kSecondNs, Open("/a")), ElementsAre("3 events within 1m, over 2, by proc.name curl"));
}

TEST(AggregateTest, WhatHasLeftTheWindowDoesNotCount) {
  MemoryScene scene(Aggregate("count: true, window: 60s, over: 1"));
  EXPECT_FALSE(scene.Fires(100 * kSecondNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(160 * kSecondNs + 1, Open("/a"))) << "a window later";
  EXPECT_TRUE(scene.Fires(219 * kSecondNs, Open("/a"))) << "58 s later";
}

TEST(AggregateTest, FiresOnceAWindowForAKey) {
  MemoryScene scene(Aggregate("count: true, by: [fd.name], window: 60s, over: 1"));
  EXPECT_FALSE(scene.Fires(0 * kSecondNs, Open("/a")));
  EXPECT_TRUE(scene.Fires(1 * kSecondNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Open("/a"))) << "told";
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Open("/b"))) << "keys count apart";
  EXPECT_TRUE(scene.Fires(3 * kSecondNs, Open("/b"))) << "and fire apart";
  EXPECT_FALSE(scene.Fires(60 * kSecondNs, Open("/a")));
  EXPECT_TRUE(scene.Fires(61 * kSecondNs, Open("/a"))) << "it still goes on";
}

TEST(AggregateTest, DistinctValuesSlideOneByOne) {
  MemoryScene scene(Aggregate("distinct: fd.name, by: [proc.name], window: 60s, over: 2"));
  EXPECT_FALSE(scene.Fires(0 * kSecondNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(10 * kSecondNs, Open("/b")));
  EXPECT_FALSE(scene.Fires(20 * kSecondNs, Open("/b"))) << "the same again";
  EXPECT_FALSE(scene.Fires(60 * kSecondNs, Open("/c"))) << "/a has just left";
  EXPECT_FALSE(scene.Fires(61 * kSecondNs, Open("/b"))) << "seen again: stays";
  EXPECT_THAT(scene.At(79 * kSecondNs, Open("/d")),
              ElementsAre("more than 2 different fd.name within 1m, by proc.name curl"));
  EXPECT_EQ(scene.Stats().values, 3u) << "no more than it takes to know";
}

TEST(AggregateTest, ElementsOfAListAreValuesOfTheirOwn) {
  MemoryScene scene(Aggregate("distinct: proc.labels, window: 60s, over: 1"));
  scene.host.labels[1] = {.size = 1, .name = "mistral"};
  scene.host.processes[kActor].labels = 1;
  EXPECT_FALSE(scene.Fires(1, Open("/a")));
  scene.host.processes[kActor].labels = 3;
  EXPECT_TRUE(scene.Fires(2, Open("/a")));
}

TEST(AggregateTest, SumsTakeSizes) {
  MemoryScene scene(Aggregate("sum: file.bytes, window: 1m, over: 10MiB", "evt.type = file_read"));
  EXPECT_FALSE(scene.Fires(1, Read(6 << 20)));
  EXPECT_FALSE(scene.Fires(2, Read(4 << 20))) << "as much, not more";
  EXPECT_THAT(scene.At(3, Read(1)), ElementsAre("file.bytes adds up to 10485761 within 1m, over 10485760"));
}

TEST(AggregateTest, AShareIsMeasuredAgainstTheEventsOwnField) {
  MemoryScene scene(
      Aggregate("sum: file.bytes, by: [asset.name], window: 1m, over: 1% of asset.size", "evt.type = file_read"));
  scene.host.assets[kModelFile].size = 1000;
  EXPECT_FALSE(scene.Fires(1, Read(10)));
  EXPECT_TRUE(scene.Fires(2, Read(1)));
}

TEST(AggregateTest, AShareOfWhatIsNotKnownNeverFires) {
  MemoryScene scene(Aggregate("sum: file.bytes, window: 1m, over: 1% of asset.size", "evt.type = file_read"));
  scene.host.assets.clear();
  EXPECT_FALSE(scene.Fires(1, Read(1 << 30)));
}

TEST(AggregateTest, TimesAreNanosecondsOfFieldsInNanoseconds) {
  MemoryScene scene(Aggregate("sum: proc.duration, window: 1m, over: 5s", "evt.type = open"));
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(3 * kSecondNs, Open("/a")));
  EXPECT_TRUE(scene.Fires(3 * kSecondNs + 1, Open("/a")));
}

TEST(AggregateTest, RatesAreEventsPerSecond) {
  MemoryScene scene(Aggregate("rate: true, window: 10s, over: 2"));
  int fired_at = 0;
  for (int i = 1; i <= 30 && fired_at == 0; ++i) {
    if (scene.Fires(static_cast<uint64_t>(i) * kSecondNs / 10, Open("/a"))) fired_at = i;
  }
  EXPECT_EQ(fired_at, 21);
}

TEST(AggregateTest, AnEventWithoutAKeyFieldIsNotCounted) {
  MemoryScene scene(Aggregate("count: true, by: [workload.name], window: 1m, over: 0"));
  EXPECT_FALSE(scene.Fires(1, Open("/a")));
  EXPECT_EQ(scene.Stats().uncounted, 1u);
  scene.host.processes[kActor].workload = "vllm";
  EXPECT_TRUE(scene.Fires(2, Open("/a")));
}

TEST(AggregateTest, NeitherIsOneWithoutTheValue) {
  MemoryScene scene(Aggregate("distinct: workload.name, window: 1m, over: 0"));
  EXPECT_FALSE(scene.Fires(1, Open("/a")));
  EXPECT_EQ(scene.Stats().uncounted, 1u);
}

TEST(AggregateTest, AListIsAKeyAsAWhole) {
  MemoryScene scene(Aggregate("count: true, by: [proc.aname], window: 1m, over: 1"));
  EXPECT_FALSE(scene.Fires(1, Open("/a")));
  EXPECT_TRUE(scene.Fires(2, Open("/a")));
  scene.host.processes[kParent].comm = "zsh";
  EXPECT_FALSE(scene.Fires(3, Open("/a"))) << "other ancestors, another key";
}

TEST(AggregateTest, TheKeyUsedLeastRecentlyMakesRoomAndIsCounted) {
  MemoryScene scene(Aggregate("count: true, by: [fd.name], window: 1m, over: 1"), {.keys = 2});
  scene.Fires(1, Open("/a"));
  scene.Fires(2, Open("/b"));
  scene.Fires(3, Open("/c"));
  EXPECT_EQ(scene.Stats().keys, 2u);
  EXPECT_EQ(scene.Stats().evicted_keys, 1u);
  EXPECT_FALSE(scene.Fires(4, Open("/a"))) << "forgotten";
  EXPECT_TRUE(scene.Fires(5, Open("/c"))) << "kept";
}

TEST(AggregateTest, AKeyThatHasRunOutMakesRoomWithoutLoss) {
  MemoryScene scene(Aggregate("count: true, by: [fd.name], window: 1m, over: 1"), {.keys = 2});
  scene.Fires(1, Open("/a"));
  scene.Fires(2, Open("/b"));
  scene.Fires(5 * kMinuteNs, Open("/c"));
  EXPECT_EQ(scene.Stats().keys, 1u);
  EXPECT_EQ(scene.Stats().evicted_keys, 0u);
}

TEST(AggregateTest, ValuesOfAllKeysTogetherAreBounded) {
  MemoryScene scene(Aggregate("distinct: fd.name, by: [user.uid], window: 1m, over: 100"), {.values = 10});
  for (uint32_t uid = 0; uid < 4; ++uid) {
    scene.host.processes[kActor].uid = uid;
    for (int i = 0; i < 5; ++i) scene.Fires(uid * 10 + 1, Open(fmt::format("/{}", i)));
  }
  EXPECT_EQ(scene.Stats().values, 10u);
  EXPECT_EQ(scene.Stats().keys, 2u);
  EXPECT_EQ(scene.Stats().evicted_keys, 2u);
}

TEST(AggregateTest, ARestartForgetsNothing) {
  for (const char* what : {"count: true", "distinct: evt.num", "sum: evt.count"}) {
    MemoryScene scene(Aggregate(fmt::format("{}, window: 1m, over: {}", what, what[0] == 'd' ? 0 : 1)));
    scene.Fires(1 * kSecondNs, Open("/a"));
    ASSERT_TRUE(scene.Restart().ok());
    EXPECT_EQ(scene.Fires(2 * kSecondNs, Open("/a")), what[0] != 'd') << what;
    ASSERT_TRUE(scene.Restart().ok());
    EXPECT_FALSE(scene.Fires(3 * kSecondNs, Open("/a"))) << "told before the restart: " << what;
  }
}

TEST(AggregateTest, WindowsDoNotOutliveABoot) {
  MemoryScene scene(Aggregate("count: true, window: 1m, over: 1"));
  scene.Fires(1 * kSecondNs, Open("/a"));
  ASSERT_TRUE(scene.Restart(true, kSecondNs).ok());
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Open("/a")));
}

TEST(AggregateTest, AnotherWindowStartsEmpty) {
  MemoryScene scene(Aggregate("count: true, window: 1m, over: 1"));
  scene.Fires(1 * kSecondNs, Open("/a"));
  ASSERT_TRUE(scene.RestartWith(Aggregate("count: true, window: 2m, over: 1")).ok());
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Open("/a")));
}

TEST(AggregateTest, ExceptionsAreNotCounted) {
  MemoryScene scene(Aggregate("count: true, window: 1m, over: 0") +
                    "  exceptions: [{name: e, fields: fd.name, values: [/ok]}]\n");
  EXPECT_FALSE(scene.Fires(1, Open("/ok")));
  EXPECT_TRUE(scene.Fires(2, Open("/a")));
}

TEST(AggregateTest, EventsOutOfOrderDoNotTurnTheClockBack) {
  MemoryScene scene(Aggregate("count: true, window: 1m, over: 1"));
  EXPECT_FALSE(scene.Fires(100 * kSecondNs, Open("/a")));
  EXPECT_TRUE(scene.Fires(99 * kSecondNs, Open("/a")));
}

TEST(AggregateTest, IsOnlyLookedAtForTheKindsOfItsFields) {
  const auto kinds = [](const std::string& text) { return MustCompile(text)->Needs().kinds; };
  EXPECT_EQ(kinds(Aggregate("distinct: finding.key, window: 1m, over: 5", "proc.name = curl")), kKinds<Finding>);
  EXPECT_EQ(kinds(Aggregate("count: true, by: [client.id], window: 1m, over: 5", "evt.type in (http_request, open)")),
            kKinds<HttpRequest>);
}

}  // namespace
}  // namespace tensorwarden
