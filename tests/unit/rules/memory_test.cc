// What all rules with memory share: how rule files are read, saved states, and their place among other rules.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "tests/unit/rules/memory_scene.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct BadMemory {
  const char* keys;   // from line 5 on
  const char* error;  // from the line on
};

class MemoryErrorTest : public ::testing::TestWithParam<BadMemory> {};

TEST_P(MemoryErrorTest, NamesPlaceAndFix) {
  const std::string error = CompileError(MemoryRule(GetParam().keys));
  EXPECT_THAT(error, StartsWith(std::string("r.yaml:") + GetParam().error));
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Aggregates, MemoryErrorTest,
    ::testing::ValuesIn(std::vector<BadMemory>{
        {"  agregate: {count: true}\n", "5:3: rule 'r': unknown key 'agregate'; did you mean 'aggregate'"},
        {"  aggregate: {count: true, window: 1m, over: 1}\n", "1:9: rule 'r': 'condition' is missing"},
        {"  aggregate: 5\n  condition: evt.type = open\n", "5:14: rule 'r': aggregate: it is {"},
        {"  condition: evt.type = open\n  aggregate: {cuont: true, window: 1m, over: 1}\n",
         "6:15: rule 'r': aggregate: unknown key 'cuont'; did you mean 'count'"},
        {"  condition: evt.type = open\n  aggregate: {window: 1m, over: 1}\n",
         "6:15: rule 'r': aggregate: it needs one of count"},
        {"  condition: evt.type = open\n  aggregate: {count: true, rate: true, window: 1m, over: 1}\n",
         "6:15: rule 'r': aggregate: it needs one of count"},
        {"  condition: evt.type = open\n  aggregate: {count: proc.name, window: 1m, over: 1}\n",
         "6:22: rule 'r': aggregate: 'count' counts events and takes no field"},
        {"  condition: evt.type = open\n  aggregate: {count: true, over: 1}\n",
         "6:15: rule 'r': aggregate: 'window' is missing, a time"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 5, over: 1}\n",
         "6:36: rule 'r': aggregate: 'window' must be a time up to a year, as in 30s, 10m or 24h, not '5'"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 10MiB, over: 1}\n",
         "6:36: rule 'r': aggregate: 'window' must be a time"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: -1s, over: 1}\n",
         "6:36: rule 'r': aggregate: 'window' must be a time"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 0s, over: 1}\n",
         "6:36: rule 'r': aggregate: 'window' must be a time"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 9999d, over: 1}\n",
         "6:36: rule 'r': aggregate: 'window' must be a time"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 1m}\n",
         "6:15: rule 'r': aggregate: 'over' is missing"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 1m, over: much}\n",
         "6:46: rule 'r': aggregate: 'over' must be a number from 0 on"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 1m, over: -1}\n",
         "6:46: rule 'r': aggregate: 'over' must be a number from 0 on"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 1m, over: 10MiB}\n",
         "6:46: rule 'r': aggregate: 'over' counts events here and has no unit"},
        {"  condition: evt.type = open\n  aggregate: {distinct: fd.name, window: 1m, over: 5%}\n",
         "6:52: rule 'r': aggregate: 'over' counts values here and has no unit"},
        {"  condition: evt.type = open\n  aggregate: {distinct: fd.name, window: 1m, over: 1001}\n",
         "6:52: rule 'r': aggregate: 'over' of different values is at most 1000"},
        {"  condition: evt.type = open\n  aggregate: {distinct: fd.nam, window: 1m, over: 5}\n",
         "6:25: rule 'r': aggregate: unknown field 'fd.nam'; did you mean 'fd.name'"},
        {"  condition: evt.type = open\n  aggregate: {distinct: fd.name x, window: 1m, over: 5}\n",
         "6:25: rule 'r': aggregate: one field each"},
        {"  condition: evt.type = open\n  aggregate: {sum: fd.name, window: 1m, over: 5}\n",
         "6:20: rule 'r': aggregate: 'sum' needs a number, and fd.name is a text"},
        {"  condition: evt.type = open\n  aggregate: {count: true, by: proc.name, window: 1m, over: 5}\n",
         "6:32: rule 'r': 'aggregate by' must be a list"},
        {"  condition: evt.type = open\n  aggregate: {count: true, by: [proc.name, proc.nme], window: 1m, over: 5}\n",
         "6:44: rule 'r': aggregate by: unknown field 'proc.nme'; did you mean 'proc.name'"},
        {"  condition: evt.type = open\n  aggregate: {sum: asset.size, window: 1m, over: 1% of asset.siz}\n",
         "6:56: rule 'r': aggregate: unknown field 'asset.siz'; did you mean 'asset.size'"},
        {"  condition: evt.type = open\n  aggregate: {sum: asset.size, window: 1m, over: 1MiB of asset.size}\n",
         "6:50: rule 'r': aggregate: '1MiB of asset.size' is no share"},
        {"  condition: evt.type = open\n  aggregate: {sum: asset.size, window: 1m, over: 1% of fd.name}\n",
         "6:56: rule 'r': aggregate: 'over' needs a number, and fd.name is a text"},
        {"  condition: evt.type = open\n  aggregate: {count: true, window: 1m, over: 1% of asset.size}\n",
         "6:46: rule 'r': aggregate: a share of a field goes with 'sum'"},
        {"  condition: evt.typ = open\n  aggregate: {count: true, window: 1m, over: 1}\n",
         "5:14: rule 'r': unknown field 'evt.typ'"},
    }));

INSTANTIATE_TEST_SUITE_P(
    Sequences, MemoryErrorTest,
    ::testing::ValuesIn(std::vector<BadMemory>{
        {"  sequence: {within: 5m}\n", "5:14: rule 'r': sequence: 'steps' is missing"},
        {"  sequence: {steps: [a, b]}\n", "5:14: rule 'r': sequence: 'within' is missing"},
        {"  sequence: {within: 5m, steps: a}\n", "5:33: rule 'r': sequence: 'steps' must be a list of conditions"},
        {"  sequence: {within: 5m, steps: [fd.name = /a]}\n", "5:34: rule 'r': sequence: 'steps' takes at least 2"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, not: fd.name = /b]}\n",
         "5:34: rule 'r': sequence: 'steps' takes at least 2"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, fd.name = /b, not: fd.name = /c]}\n",
         "5:62: rule 'r': sequence: a 'not' stands between two steps"},
        {"  sequence: {within: 5m, steps: [not: fd.name = /c, fd.name = /a, fd.name = /b]}\n",
         "5:34: rule 'r': sequence: a 'not' stands between two steps"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, nto: fd.name = /x, fd.name = /b]}\n",
         "5:48: rule 'r': sequence: unknown key 'nto'; did you mean 'not'"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, {}, fd.name = /b]}\n",
         "5:34: rule 'r': sequence: a step is a condition"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, [], fd.name = /b]}\n",
         "5:34: rule 'r': sequence: a step is a condition"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, fd.nme = /b]}\n",
         "5:48: rule 'r': unknown field 'fd.nme'; did you mean 'fd.name'"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, not: fd.nme = /x, fd.name = /b]}\n",
         "5:53: rule 'r': unknown field 'fd.nme'"},
        {"  sequence: {within: 5m, stpes: [fd.name = /a, fd.name = /b]}\n",
         "5:26: rule 'r': sequence: unknown key 'stpes'; did you mean 'steps'"},
        {"  condition: evt.type = open\n  sequence: {within: 5m, steps: [fd.name = /a, fd.name = /b]}\n",
         "5:14: rule 'r': a sequence has no 'condition'"},
        {"  sequence: {within: 5m, steps: [fd.name = /a, fd.name = /b]}\n  aggregate: {count: true}\n",
         "6:15: rule 'r': 'sequence' and 'aggregate' exclude each other"},
    }));

INSTANTIATE_TEST_SUITE_P(
    Baselines, MemoryErrorTest,
    ::testing::ValuesIn(std::vector<BadMemory>{
        {"  condition: evt.type = open\n  baseline: {by: [proc.name], learn: 24h, alert: unseen}\n",
         "6:14: rule 'r': baseline: 'of' is missing"},
        {"  condition: evt.type = open\n  baseline: {of: fd.nme, learn: 24h, alert: unseen}\n",
         "6:18: rule 'r': baseline: unknown field 'fd.nme'; did you mean 'fd.name'"},
        {"  condition: evt.type = open\n  baseline: {of: fd.name, alert: unseen}\n",
         "6:14: rule 'r': baseline: 'learn' is missing"},
        {"  condition: evt.type = open\n  baseline: {of: fd.name, learn: 24h}\n",
         "6:14: rule 'r': baseline: 'alert' is missing, unseen or above"},
        {"  condition: evt.type = open\n  baseline: {of: fd.name, learn: 24h, alert: new}\n",
         "6:46: rule 'r': baseline: 'alert' is unseen or above, not 'new'"},
        {"  condition: evt.type = open\n  baseline: {of: fd.name, learn: 24h, alert: unseen, times: 3}\n",
         "6:61: rule 'r': baseline: 'times' goes with alert: above"},
        {"  condition: evt.type = open\n  baseline: {of: asset.size, learn: 24h, alert: above}\n",
         "6:14: rule 'r': baseline: 'times' is missing"},
        {"  condition: evt.type = open\n  baseline: {of: asset.size, learn: 24h, alert: above, times: 10MiB}\n",
         "6:63: rule 'r': baseline: 'times' must be a number from 1 on"},
        {"  condition: evt.type = open\n  baseline: {of: asset.size, learn: 0s, alert: above, times: 10}\n",
         "6:37: rule 'r': baseline: 'learn' must be a time"},
        {"  condition: evt.type = open\n  baseline: {of: fd.name, learn: 24h, alert: above, times: 10}\n",
         "6:18: rule 'r': baseline: 'alert: above' needs a number, and fd.name is a text"},
        {"  condition: evt.type = open\n  baseline: {of: fd.name, lern: 24h, alert: unseen}\n",
         "6:27: rule 'r': baseline: unknown key 'lern'; did you mean 'learn'"},
        {"  condition: evt.type = open\n  suppress: {by: [proc.name], for: 10MiB}\n",
         "6:36: rule 'r': 'for' must be a time"},
    }));

const char* const kCount =
    "  condition: evt.type = open\n  aggregate: {count: true, by: [proc.name], window: 1m, over: 1}\n";

TEST(MemoryTest, ARuleThatCanNeverFireIsAWarning) {
  for (const char* keys :
       {"  condition: evt.type = open\n  aggregate: {count: true, by: [client.id], window: 1m, over: 1}\n",
        "  condition: evt.type = open\n  baseline: {of: client.id, learn: 1h, alert: unseen}\n",
        "  sequence: {within: 1m, steps: [evt.type = open, evt.type = open and client.id exists]}\n",
        "  sequence: {within: 1m, by: [client.id], steps: [evt.type = http_request, evt.type = open]}\n"}) {
    std::vector<RuleProblem> problems;
    const auto rules = RuleSet::Compile({{"r.yaml", MemoryRule(keys)}}, problems);
    ASSERT_TRUE(rules.ok()) << rules.status();
    EXPECT_EQ((*rules)->Size(), 0u) << keys;
    ASSERT_EQ(problems.size(), 1u) << keys;
    EXPECT_THAT(problems[0].message, HasSubstr("can never match"));
  }
}

TEST(MemoryTest, ANotThatCanNeverHoldIsNoReasonToDropTheRule) {
  MemoryScene scene(MemoryRule(
      "  sequence: {within: 1m, steps: [fd.name = /a, not: evt.type = open and client.id exists, fd.name = /b]}\n"));
  scene.Fires(1, Open("/a"));
  EXPECT_TRUE(scene.Fires(2, Open("/b")));
}

TEST(MemoryTest, PlainRulesAndOthersStayInFileOrder) {
  const std::string text = MemoryRule("  condition: evt.type = open\n", "first") + MemoryRule(kCount, "second") +
                           MemoryRule("  condition: proc.name = curl\n", "third");
  const auto rules = MustCompile(text);
  const FakeHost host = MakeHost();
  EXPECT_THAT(NamesOfMatches(*rules, host, MakeEvent(Open("/a"))), ElementsAre("first", "third"));
  EXPECT_THAT(NamesOfMatches(*rules, host, MakeEvent(Open("/a"))), ElementsAre("first", "second", "third"));
}

TEST(MemoryTest, OfTheFirstMatchAloneTheOthersStillCount) {
  const std::string text =
      MemoryRule("  condition: evt.type = open and fd.name = /a\n", "first") + MemoryRule(kCount, "second");
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile({{"r.yaml", text}}, problems, {.first_match_only = true});
  ASSERT_TRUE(rules.ok());
  const FakeHost host = MakeHost();
  EXPECT_THAT(NamesOfMatches(**rules, host, MakeEvent(Open("/a"))), ElementsAre("first"));
  EXPECT_THAT(NamesOfMatches(**rules, host, MakeEvent(Open("/b"))), ElementsAre("second"));
}

TEST(MemoryTest, LaterFilesSwitchReplaceAndOverride) {
  std::vector<RuleProblem> problems;
  const auto fires_at_first = [&](const std::string& later) {
    const auto rules = RuleSet::Compile({{"a.yaml", MemoryRule(kCount)}, {"b.yaml", later}}, problems);
    EXPECT_TRUE(rules.ok()) << rules.status();
    return rules.ok() && !NamesOfMatches(**rules, MakeHost(), MakeEvent(Open("/a"))).empty();
  };
  EXPECT_FALSE(fires_at_first("- rule: r\n  enabled: false\n"));
  EXPECT_TRUE(
      fires_at_first("- rule: r\n  aggregate: {count: true, window: 1m, over: 0}\n  override: {aggregate: replace}\n"));
  EXPECT_TRUE(fires_at_first(
      "- rule: r\n  baseline: {of: fd.name, learn: 0s, alert: unseen}\n  override: {baseline: replace}\n"));
  EXPECT_TRUE(fires_at_first(MemoryRule("  condition: evt.type = open\n")));
  EXPECT_FALSE(fires_at_first("- rule: r\n  append: true\n  condition: and fd.name = /a\n"));
}

TEST(MemoryTest, FoldsByWhatItRemembersByUnlessTheAuthorSaysElse) {
  const auto fold_key = [](const std::string& more) {
    const auto rules = MustCompile(MemoryRule(
        "  condition: evt.type = open\n  aggregate: {count: true, by: [proc.name], window: 1m, over: 0}\n" + more));
    const std::vector<Detection> detections = MatchAll(*rules, MakeHost(), MakeEvent(Open("/a")));
    return detections.empty() ? "nothing" : detections[0].fold_key;
  };
  EXPECT_EQ(fold_key(""), "curl");
  EXPECT_EQ(fold_key("  suppress: {for: 1h}\n"), "curl");
  EXPECT_EQ(fold_key("  suppress: {by: [fd.name], for: 1h}\n"), "/a");
}

TEST(MemoryTest, ABrokenStateIsToldAndForgotten) {
  MemoryScene scene(MemoryRule(kCount));
  scene.Fires(1, Open("/a"));
  const std::string state = scene.rules().SaveMemory();
  for (size_t at = 0; at < state.size(); ++at) {
    std::string broken = state;
    broken[at] = static_cast<char>(broken[at] ^ 0x20);
    EXPECT_EQ(scene.rules().RestoreMemory(broken, false, 0).code(), absl::StatusCode::kDataLoss) << at;
    EXPECT_FALSE(scene.rules().RestoreMemory(state.substr(0, at), false, 0).ok() && at > 0) << at;
  }
  EXPECT_TRUE(scene.rules().RestoreMemory("", false, 0).ok());
  EXPECT_TRUE(scene.rules().RestoreMemory(state, false, 0).ok());
  EXPECT_TRUE(scene.Fires(2, Open("/a")));
}

TEST(MemoryTest, StatesFindTheirRulesByName) {
  MemoryScene scene(MemoryRule(kCount, "one") + MemoryRule(kCount, "two"));
  scene.Fires(1, Open("/a"));
  ASSERT_TRUE(scene.RestartWith(MemoryRule(kCount, "three") + MemoryRule(kCount, "two")).ok());
  EXPECT_EQ(scene.At(2, Open("/a")).size(), 1u);
}

TEST(MemoryTest, WhatASavedStateHasNoRoomForIsCounted) {
  const std::string learned =
      "  condition: evt.type = open\n  baseline: {of: fd.name, by: [user.uid], learn: 1h, alert: unseen}\n";
  std::string text;
  for (int i = 0; i < 40; ++i) text += MemoryRule(learned, fmt::format("r{}", i));
  MemoryScene scene(text);
  for (int i = 0; i < 6000; ++i) {
    scene.host.processes[kActor].uid = static_cast<uint32_t>(i);
    scene.Fires(1, Open("/a"));
  }
  const std::string state = scene.rules().SaveMemory();
  EXPECT_LT(state.size(), RuleSet::kMaxSavedMemory + (size_t{40} << 10));
  EXPECT_GT(scene.Stats().unsaved_keys, 0u);
  EXPECT_LT(scene.Stats().unsaved_keys, 4096u);
  ASSERT_TRUE(scene.Restart().ok());
  EXPECT_FALSE(scene.Fires(1 * kMinuteNs * 30, Open("/a")));
  EXPECT_THAT(scene.At(2 * kHourNs, Open("/b")), ::testing::SizeIs(40)) << "the newest keys were kept";
}

// Programs run from the repository's root, as `make` does.
TEST(MemoryTest, TheAuthorsPageShowsRulesThatLoad) {
  std::ifstream stream("docs/rules.md");
  const std::string page((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const std::string fence = "```yaml\n";
  size_t shown = 0;
  for (size_t at = page.find(fence + "- rule:"); at != std::string::npos; at = page.find(fence + "- rule:", at + 1)) {
    const size_t begin = at + fence.size();
    std::vector<RuleProblem> problems;
    const auto rules = RuleSet::Compile({{"r.yaml", page.substr(begin, page.find("```", begin) - begin)}}, problems);
    ASSERT_TRUE(rules.ok()) << rules.status();
    EXPECT_THAT(problems, IsEmpty()) << ProblemLine(problems[0]);
    shown += (*rules)->Size();
  }
  EXPECT_EQ(shown, 3u);
}

TEST(MemoryTest, RulesWithoutMemorySaveNothing) {
  EXPECT_EQ(MustCompile(RuleText("evt.type = open"))->SaveMemory(), "");
  EXPECT_THAT(MustCompile(RuleText("evt.type = open"))->MemoryStats(), IsEmpty());
}

TEST(MemoryTest, TheSameEventsGiveTheSameEvidence) {
  const auto run = [] {
    MemoryScene scene(MemoryRule("  condition: evt.type = open\n  aggregate: {rate: true, window: 7s, over: 0.3}\n"));
    std::string all;
    for (uint64_t i = 0; i < 200; ++i) {
      for (const std::string& evidence : scene.At(i * i * 37'000'001, Open("/a"))) all += evidence + "\n";
    }
    return all;
  };
  EXPECT_FALSE(run().empty());
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace tensorwarden
