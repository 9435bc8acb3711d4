// Rules that learn what is usual.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/rules/memory_scene.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;

std::string Unseen(const std::string& by = "[proc.name]", const std::string& of = "fd.name") {
  return MemoryRule("  condition: evt.type = open\n  baseline: {of: " + of + ", by: " + by +
                    ", learn: 24h, alert: unseen}\n");
}

std::string Above() {
  return MemoryRule(
      "  condition: evt.type = file_read\n"
      "  baseline: {of: file.bytes, by: [proc.name], learn: 24h, alert: above, times: 10}\n");
}

TEST(BaselineTest, AfterLearningWhatIsNewFiresOnce) {
  MemoryScene scene(Unseen());
  EXPECT_FALSE(scene.Fires(1 * kHourNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(20 * kHourNs, Open("/b")));
  EXPECT_FALSE(scene.Fires(26 * kHourNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(26 * kHourNs, Open("/b")));
  EXPECT_THAT(scene.At(27 * kHourNs, Open("/c")), ElementsAre("fd.name /c was not seen in 26h, by proc.name curl"));
  EXPECT_FALSE(scene.Fires(28 * kHourNs, Open("/c"))) << "known from then on";
}

TEST(BaselineTest, LearningEndsToTheNanosecond) {
  for (const uint64_t late : {0, 1}) {
    MemoryScene scene(Unseen());
    scene.Fires(1 * kHourNs, Open("/a"));
    EXPECT_EQ(scene.Fires(25 * kHourNs - 1 + late, Open("/b")), late == 1);
  }
}

TEST(BaselineTest, EachKeyLearnsFromItsFirstEventOn) {
  MemoryScene scene(Unseen());
  scene.Fires(1 * kHourNs, Open("/a"));
  EXPECT_FALSE(scene.Fires(30 * kHourNs, Open("/c"), kParent)) << "bash is new itself";
  EXPECT_TRUE(scene.Fires(30 * kHourNs, Open("/c")));
}

TEST(BaselineTest, WithoutATimeToLearnTheFirstFires) {
  MemoryScene scene(MemoryRule(
      "  condition: evt.type = open\n  baseline: {of: fd.name, by: [proc.name], learn: 0s, alert: unseen}\n"));
  EXPECT_TRUE(scene.Fires(1, Open("/a")));
  EXPECT_FALSE(scene.Fires(2, Open("/a")));
}

TEST(BaselineTest, ElementsOfAListAreLearnedEach) {
  MemoryScene scene(Unseen("[proc.name]", "proc.labels"));
  scene.host.labels[1] = {.size = 1, .name = "mistral"};
  scene.host.processes[kActor].labels = 1;
  scene.Fires(0, Open("/a"));
  scene.host.processes[kActor].labels = 3;
  EXPECT_THAT(scene.At(25 * kHourNs, Open("/a")),
              ElementsAre("proc.labels mistral was not seen in 25h, by proc.name curl"));
}

TEST(BaselineTest, ALevelIsTheHighestValueLearned) {
  MemoryScene scene(Above());
  scene.Fires(1 * kHourNs, Read(100));
  scene.Fires(2 * kHourNs, Read(40));
  EXPECT_FALSE(scene.Fires(26 * kHourNs, Read(1000))) << "ten times, not more";
  EXPECT_THAT(scene.At(27 * kHourNs, Read(1001)),
              ElementsAre("file.bytes is 1001, over 10 times the 100 known, by proc.name curl"));
}

TEST(BaselineTest, SmallStepsDoNotLiftALevelButAnAlertDoes) {
  MemoryScene scene(Above());
  scene.Fires(1 * kHourNs, Read(100));
  EXPECT_FALSE(scene.Fires(26 * kHourNs, Read(900)));
  EXPECT_TRUE(scene.Fires(27 * kHourNs, Read(2000))) << "not measured against 900";
  EXPECT_FALSE(scene.Fires(28 * kHourNs, Read(2000)));
  EXPECT_TRUE(scene.Fires(29 * kHourNs, Read(20001)));
}

TEST(BaselineTest, WhatLacksTheFieldIsNotCounted) {
  MemoryScene scene(Unseen("[proc.name]", "workload.name"));
  scene.Fires(1, Open("/a"));
  EXPECT_EQ(scene.Stats().uncounted, 1u);
  EXPECT_EQ(scene.Stats().keys, 0u) << "nor does learning begin with it";
}

TEST(BaselineTest, ValuesOfAKeyAreBoundedAndEvictionsCounted) {
  MemoryScene scene(Unseen(), {.values_per_key = 2});
  scene.Fires(1, Open("/a"));
  scene.Fires(2, Open("/b"));
  scene.Fires(3, Open("/a"));
  scene.Fires(4, Open("/c"));
  EXPECT_EQ(scene.Stats().values, 2u);
  EXPECT_EQ(scene.Stats().evicted_values, 1u);
  EXPECT_FALSE(scene.Fires(25 * kHourNs, Open("/a")));
  EXPECT_TRUE(scene.Fires(25 * kHourNs, Open("/b"))) << "seen longest ago: forgotten, and new again";
}

TEST(BaselineTest, AKeyThatMadeRoomLearnsAnewAndIsCounted) {
  MemoryScene scene(Unseen("[user.uid]"), {.keys = 2});
  for (const uint32_t uid : {1, 2, 3}) {
    scene.host.processes[kActor].uid = uid;
    scene.Fires(uid, Open("/a"));
  }
  EXPECT_EQ(scene.Stats().evicted_keys, 1u);
  scene.host.processes[kActor].uid = 1;
  EXPECT_FALSE(scene.Fires(25 * kHourNs, Open("/b")));
  scene.host.processes[kActor].uid = 3;
  EXPECT_TRUE(scene.Fires(25 * kHourNs, Open("/b")));
}

TEST(BaselineTest, ValuesOfAllKeysTogetherAreBounded) {
  MemoryScene scene(Unseen("[user.uid]"), {.values = 10, .values_per_key = 8});
  for (uint32_t uid = 0; uid < 5; ++uid) {
    scene.host.processes[kActor].uid = uid;
    for (int i = 0; i < 4; ++i) scene.Fires(1, Open(fmt::format("/{}", i)));
  }
  EXPECT_EQ(scene.Stats().values, 8u + 0u);
  EXPECT_EQ(scene.Stats().evicted_keys, 3u);
}

TEST(BaselineTest, ARestartForgetsNothing) {
  MemoryScene scene(Unseen());
  scene.Fires(1 * kHourNs, Open("/a"));
  ASSERT_TRUE(scene.Restart().ok());
  EXPECT_FALSE(scene.Fires(24 * kHourNs, Open("/b"))) << "still learning";
  ASSERT_TRUE(scene.Restart().ok());
  EXPECT_FALSE(scene.Fires(30 * kHourNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(30 * kHourNs, Open("/b")));
  EXPECT_TRUE(scene.Fires(30 * kHourNs, Open("/c")));
}

TEST(BaselineTest, ABootNeitherForgetsNorHurriesLearning) {
  MemoryScene scene(Unseen());
  scene.Fires(100 * kHourNs, Open("/a"));
  scene.Fires(110 * kHourNs, Open("/b"));
  // The new boot's clock starts at nothing; ten hours of learning are done.
  ASSERT_TRUE(scene.Restart(true, kMinuteNs).ok());
  EXPECT_FALSE(scene.Fires(14 * kHourNs, Open("/c")));
  EXPECT_FALSE(scene.Fires(15 * kHourNs, Open("/a")));
  EXPECT_TRUE(scene.Fires(15 * kHourNs, Open("/d")));
}

TEST(BaselineTest, LevelsAreRestoredToo) {
  MemoryScene scene(Above());
  scene.Fires(1 * kHourNs, Read(100));
  ASSERT_TRUE(scene.Restart(true, kMinuteNs).ok());
  EXPECT_FALSE(scene.Fires(30 * kHourNs, Read(1000)));
  EXPECT_TRUE(scene.Fires(30 * kHourNs, Read(1001)));
}

TEST(BaselineTest, AnotherFieldStartsEmptyAnotherTimeDoesNot) {
  MemoryScene scene(Unseen());
  scene.Fires(1 * kHourNs, Open("/a"));
  ASSERT_TRUE(scene
                  .RestartWith(MemoryRule("  condition: evt.type = open\n  baseline: {of: fd.name, by: [proc.name], "
                                          "learn: 1h, alert: unseen}\n"))
                  .ok());
  EXPECT_TRUE(scene.Fires(3 * kHourNs, Open("/b")));
  ASSERT_TRUE(scene.RestartWith(Unseen("[user.uid]")).ok());
  EXPECT_FALSE(scene.Fires(40 * kHourNs, Open("/c")));
}

}  // namespace
}  // namespace tensorwarden
