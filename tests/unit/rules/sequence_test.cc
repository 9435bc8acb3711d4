// Rules about steps in order.
#include <gmock/gmock.h>

#include "agent/enrich/kinds.h"
#include "tests/unit/rules/memory_scene.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;

std::string Sequence(const std::string& steps, const std::string& by = "[proc.name]") {
  return MemoryRule("  sequence: {by: " + by + ", within: 60s, steps: [" + steps + "]}\n");
}

// Opens of /a, /b and /c in order.
std::string Abc() { return Sequence("fd.name = /a, fd.name = /b, fd.name = /c"); }
// /a, then /b without /x between them.
std::string AbWithoutX() { return Sequence("fd.name = /a, not: fd.name = /x, fd.name = /b"); }

// Shows opens of the paths, a second apart; what fired at which.
std::string Play(MemoryScene& scene, const std::vector<std::string>& paths) {
  static uint64_t second = 0;
  second += 1000;  // far from what came before
  std::string fired;
  for (const std::string& path : paths) {
    if (scene.Fires(++second * kSecondNs, Open(path))) fired += path;
  }
  return fired;
}

TEST(SequenceTest, FiresAtTheLastStepWithItsFields) {
  MemoryScene scene(Abc());
  EXPECT_FALSE(scene.Fires(1 * kSecondNs, Open("/a")));
  EXPECT_FALSE(scene.Fires(2 * kSecondNs, Open("/b")));
  EXPECT_THAT(scene.At(4 * kSecondNs, Open("/c")), ElementsAre("3 steps in order within 3s, by proc.name curl"));
}

TEST(SequenceTest, StepsOfOtherEventsAndOrdersAreNoCourse) {
  MemoryScene scene(Abc());
  EXPECT_EQ(Play(scene, {"/b", "/a", "/c"}), "");
  EXPECT_EQ(Play(scene, {"/a", "/c", "/b"}), "");
  EXPECT_EQ(Play(scene, {"/b", "/c"}), "");
  EXPECT_EQ(Play(scene, {"/a", "/z", "/b", "/z", "/c"}), "/c") << "what is no step does not matter";
}

TEST(SequenceTest, ARepeatedStepHidesNothing) {
  MemoryScene scene(Abc());
  EXPECT_EQ(Play(scene, {"/a", "/b", "/a", "/c"}), "/c");
  EXPECT_EQ(Play(scene, {"/a", "/b", "/b", "/a", "/b", "/c"}), "/c");
}

TEST(SequenceTest, TheWholeCourseHasToFitTheTime) {
  MemoryScene scene(Abc());
  scene.Fires(0 * kSecondNs, Open("/a"));
  scene.Fires(30 * kSecondNs, Open("/b"));
  EXPECT_TRUE(scene.Fires(60 * kSecondNs, Open("/c"))) << "just within";
  scene.Fires(100 * kSecondNs, Open("/a"));
  scene.Fires(130 * kSecondNs, Open("/b"));
  EXPECT_FALSE(scene.Fires(160 * kSecondNs + 1, Open("/c"))) << "just too late";
}

TEST(SequenceTest, TheLatestBeginningCounts) {
  MemoryScene scene(Abc());
  scene.Fires(0 * kSecondNs, Open("/a"));
  scene.Fires(50 * kSecondNs, Open("/a"));
  scene.Fires(55 * kSecondNs, Open("/b"));
  EXPECT_TRUE(scene.Fires(100 * kSecondNs, Open("/c")));
}

TEST(SequenceTest, ACourseIsUsedUpByItsAlert) {
  MemoryScene scene(Abc());
  EXPECT_EQ(Play(scene, {"/a", "/b", "/c", "/c", "/b", "/c"}), "/c");
  EXPECT_EQ(Play(scene, {"/a", "/b", "/c", "/a", "/b", "/c"}), "/c/c");
}

TEST(SequenceTest, ANotBetweenStepsBreaksTheCourse) {
  MemoryScene scene(AbWithoutX());
  EXPECT_EQ(Play(scene, {"/a", "/b"}), "/b");
  EXPECT_EQ(Play(scene, {"/a", "/x", "/b"}), "");
  EXPECT_EQ(Play(scene, {"/x", "/a", "/b"}), "/b") << "before the course it does not matter";
  EXPECT_EQ(Play(scene, {"/a", "/x", "/a", "/b"}), "/b") << "a new course";
}

TEST(SequenceTest, ANotBreaksOnlyTheGapThatItStandsIn) {
  MemoryScene scene(Sequence("fd.name = /a, fd.name = /b, not: fd.name = /x, fd.name = /c"));
  EXPECT_EQ(Play(scene, {"/a", "/x", "/b", "/c"}), "/c");
  EXPECT_EQ(Play(scene, {"/a", "/b", "/x", "/c"}), "");
  EXPECT_EQ(Play(scene, {"/a", "/b", "/x", "/b", "/c"}), "/c") << "/a still stands";
}

TEST(SequenceTest, SeveralNotsOfOneGapAllCount) {
  MemoryScene scene(Sequence("fd.name = /a, not: fd.name = /x, not: fd.name = /y, fd.name = /b"));
  EXPECT_EQ(Play(scene, {"/a", "/x", "/b"}), "");
  EXPECT_EQ(Play(scene, {"/a", "/y", "/b"}), "");
  EXPECT_EQ(Play(scene, {"/a", "/b"}), "/b");
}

TEST(SequenceTest, AnEventIsOneStepOnly) {
  MemoryScene scene(Sequence("fd.name startswith /a, fd.name = /ab"));
  EXPECT_EQ(Play(scene, {"/ab"}), "");
  EXPECT_EQ(Play(scene, {"/ab", "/ab"}), "/ab");
}

TEST(SequenceTest, AStepThatTheNotAlsoFitsIsTheStep) {
  MemoryScene scene(Sequence("fd.name = /a, not: fd.name startswith /b, fd.name = /b"));
  EXPECT_EQ(Play(scene, {"/a", "/b"}), "/b");
  EXPECT_EQ(Play(scene, {"/a", "/bb", "/b"}), "");
}

TEST(SequenceTest, KeysHaveCoursesOfTheirOwn) {
  MemoryScene scene(Abc());
  scene.Fires(1 * kSecondNs, Open("/a"));
  scene.Fires(2 * kSecondNs, Open("/b"));
  EXPECT_FALSE(scene.Fires(3 * kSecondNs, Open("/c"), kParent)) << "bash, not curl";
  EXPECT_TRUE(scene.Fires(4 * kSecondNs, Open("/c")));
}

TEST(SequenceTest, WithoutKeyFieldsThereIsOneCourse) {
  MemoryScene scene(MemoryRule("  sequence: {within: 60s, steps: [fd.name = /a, fd.name = /b]}\n"));
  scene.Fires(1, Open("/a"));
  EXPECT_TRUE(scene.Fires(2, Open("/b"), kParent));
}

TEST(SequenceTest, AnEventWithoutAKeyFieldIsNoStep) {
  MemoryScene scene(Sequence("fd.name = /a, fd.name = /b", "[workload.name]"));
  scene.Fires(1, Open("/a"));
  EXPECT_FALSE(scene.Fires(2, Open("/b")));
  EXPECT_EQ(scene.Stats().uncounted, 2u);
}

TEST(SequenceTest, StepsMayBeOfDifferentKinds) {
  MemoryScene scene(Sequence("evt.type = open and fd.name = /a, evt.type = execve"));
  scene.Fires(1, Open("/a"));
  EXPECT_TRUE(scene.Fires(2, Exec()));
  EXPECT_EQ(scene.rules().Needs().kinds, (kKinds<FileOpen, ProcessExec>));
}

TEST(SequenceTest, StepsMayUseMacrosAndFoldOverLines) {
  MemoryScene scene("- macro: opens_a\n  condition: evt.type = open and fd.name = /a\n" +
                    MemoryRule("  sequence:\n    by: [proc.name]\n    within: 1m\n    steps:\n      - opens_a\n"
                               "      - not: evt.type = execve\n      - >\n        evt.type = open\n"
                               "        and fd.name in (/b, /c)\n"));
  EXPECT_EQ(Play(scene, {"/a", "/c"}), "/c");
}

TEST(SequenceTest, ExceptionsAreAboutTheLastStep) {
  MemoryScene scene(Abc() + "  exceptions: [{name: e, fields: fd.name, values: [/a]}]\n");
  EXPECT_EQ(Play(scene, {"/a", "/b", "/c"}), "/c");
  MemoryScene excepted(Abc() + "  exceptions: [{name: e, fields: proc.name, values: [curl]}]\n");
  EXPECT_EQ(Play(excepted, {"/a", "/b", "/c"}), "");
}

TEST(SequenceTest, TheKeyUsedLeastRecentlyMakesRoomAndIsCounted) {
  MemoryScene scene(Sequence("evt.type = open, evt.type = execve", "[user.uid]"), {.keys = 2});
  const auto as = [&](uint32_t uid) { scene.host.processes[kActor].uid = uid; };
  for (const uint32_t uid : {1, 2, 3}) {
    as(uid);
    scene.Fires(uid, Open("/a"));
  }
  EXPECT_EQ(scene.Stats().evicted_keys, 1u);
  as(1);
  EXPECT_FALSE(scene.Fires(4, Exec()));
  as(2);
  EXPECT_TRUE(scene.Fires(5, Exec()));
}

TEST(SequenceTest, ACourseThatHasRunOutMakesRoomWithoutLoss) {
  MemoryScene scene(Sequence("evt.type = open, evt.type = open and proc.name = other", "[fd.name]"), {.keys = 2});
  scene.Fires(1, Open("/a"));
  scene.Fires(2, Open("/b"));
  scene.Fires(5 * kMinuteNs, Open("/c"));
  EXPECT_EQ(scene.Stats().evicted_keys, 0u);
  EXPECT_EQ(scene.Stats().keys, 1u);
}

TEST(SequenceTest, ARestartForgetsNothingAndABootAll) {
  for (const bool new_boot : {false, true}) {
    MemoryScene scene(Abc());
    scene.Fires(1 * kSecondNs, Open("/a"));
    scene.Fires(2 * kSecondNs, Open("/b"));
    ASSERT_TRUE(scene.Restart(new_boot, 2 * kSecondNs).ok());
    EXPECT_EQ(scene.Fires(3 * kSecondNs, Open("/c")), !new_boot);
  }
}

TEST(SequenceTest, OtherStepsStartEmpty) {
  MemoryScene scene(Sequence("fd.name = /a, fd.name = /b"));
  scene.Fires(1, Open("/a"));
  ASSERT_TRUE(scene.RestartWith(Sequence("fd.name = /z, fd.name = /b")).ok());
  EXPECT_FALSE(scene.Fires(2, Open("/b")));
}

}  // namespace
}  // namespace tensorwarden
