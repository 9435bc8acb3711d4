// What rules remember when others take their place.
#include <gmock/gmock.h>

#include "tests/unit/rules/memory_scene.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kCount = "  condition: evt.type = open\n  aggregate: {count: true, window: 1h, over: 2}\n";

class RuleReloadTest : public ::testing::Test {
 protected:
  static std::unique_ptr<RuleSet> Compile(const std::string& text) {
    std::vector<RuleProblem> problems;
    auto rules = RuleSet::Compile({{"r.yaml", text}}, problems);
    EXPECT_TRUE(rules.ok()) << rules.status();
    return *std::move(rules);
  }

  void Use(const std::string& text) { rules_ = Compile(text); }
  // Names of former rules that were not taken over.
  std::vector<std::string> Reload(const std::string& text) {
    auto fresh = Compile(text);
    std::vector<std::string> changed = fresh->TakeOver(rules_->Release());
    rules_ = std::move(fresh);
    return changed;
  }

  bool Fires(uint64_t ktime_ns, EventBody body) {
    Event event = MakeEvent(std::move(body));
    event.origin.ktime_ns = ktime_ns;
    return !MatchAll(*rules_, host_, event).empty();
  }
  // Two opens, then these rules, then a third: fires when the first two still count.
  bool Remembers(const std::string& before, const std::string& after) {
    Use(before);
    EXPECT_FALSE(Fires(1 * kSecondNs, Open("/a")));
    EXPECT_FALSE(Fires(2 * kSecondNs, Open("/b")));
    Reload(after);
    return Fires(3 * kSecondNs, Open("/c"));
  }

  FakeHost host_ = MakeHost();
  std::unique_ptr<RuleSet> rules_;
};

TEST_F(RuleReloadTest, ARuleThatIsTheSameGoesOnWhereItWas) {
  EXPECT_TRUE(Remembers(MemoryRule(kCount), MemoryRule(kCount)));
}

TEST_F(RuleReloadTest, OtherRulesBeforeItChangeNothing) {
  const std::string other =
      "- rule: first\n  desc: d\n  priority: Notice\n  output: '%fd.name %proc.pname'\n  condition: evt.type = execve "
      "and "
      "proc.name = sshd and proc.pname = x\n";
  EXPECT_TRUE(Remembers(MemoryRule(kCount), other + MemoryRule(kCount)));
  EXPECT_TRUE(Remembers(other + MemoryRule(kCount), MemoryRule(kCount)));
}

TEST_F(RuleReloadTest, LayoutAndWordsChangeNothing) {
  EXPECT_TRUE(Remembers(MemoryRule(kCount),
                        "- rule: r\n  desc: other words\n  priority: Error\n  tags: [new]\n  output: other\n"
                        "  condition: >\n    (evt.type   =  open)   # a comment\n"
                        "  aggregate:\n    over: 2\n    window: 60m\n    count: true\n"));
}

struct Change {
  const char* name;
  const char* before;
  const char* after;
};

class RuleChangeTest : public RuleReloadTest, public ::testing::WithParamInterface<Change> {};

TEST_P(RuleChangeTest, StartsEmpty) {
  EXPECT_TRUE(Remembers(GetParam().before, GetParam().before)) << "the scene itself";
  EXPECT_FALSE(Remembers(GetParam().before, GetParam().after));
}

#define RULE "- rule: r\n  desc: d\n  priority: Notice\n  output: o\n"
#define COUNT "  aggregate: {count: true, window: 1h, over: 2}\n"

INSTANTIATE_TEST_SUITE_P(
    Changes, RuleChangeTest,
    ::testing::ValuesIn(std::vector<Change>{
        {"Condition", RULE "  condition: evt.type = open\n" COUNT,
         RULE "  condition: evt.type = open and proc.name != x\n" COUNT},
        {"Window", RULE "  condition: evt.type = open\n" COUNT,
         RULE "  condition: evt.type = open\n  aggregate: {count: true, window: 2h, over: 2}\n"},
        {"Threshold", RULE "  condition: evt.type = open\n" COUNT,
         RULE "  condition: evt.type = open\n  aggregate: {count: true, window: 1h, over: 2.5}\n"},
        {"Key", RULE "  condition: evt.type = open\n" COUNT,
         RULE "  condition: evt.type = open\n  aggregate: {count: true, by: [proc.pid], window: 1h, over: 2}\n"},
        {"Macro", "- macro: m\n  condition: evt.type = open\n" RULE "  condition: m\n" COUNT,
         "- macro: m\n  condition: evt.type = open and proc.name != x\n" RULE "  condition: m\n" COUNT},
        {"MacroInAMacro",
         "- macro: n\n  condition: evt.type = open\n- macro: m\n  condition: n\n" RULE "  condition: m\n" COUNT,
         "- macro: n\n  condition: evt.type = openat\n- macro: m\n  condition: n\n" RULE "  condition: m\n" COUNT},
        {"List", "- list: l\n  items: [a]\n" RULE "  condition: evt.type = open and not proc.name in (l)\n" COUNT,
         "- list: l\n  items: [a, b]\n" RULE "  condition: evt.type = open and not proc.name in (l)\n" COUNT},
        {"ListInAList",
         "- list: k\n  items: [a]\n- list: l\n  items: [k]\n" RULE
         "  condition: evt.type = open and not proc.name in (l)\n" COUNT,
         "- list: k\n  items: [b]\n- list: l\n  items: [k]\n" RULE
         "  condition: evt.type = open and not proc.name in (l)\n" COUNT},
        {"Exception", RULE "  condition: evt.type = open\n" COUNT,
         RULE "  condition: evt.type = open\n  exceptions: [{name: e, fields: [proc.name], values: [[x]]}]\n" COUNT},
        {"OtherMemory", RULE "  condition: evt.type = open\n" COUNT,
         RULE "  condition: evt.type = open\n  baseline: {of: fd.name, by: [proc.pid], learn: 1h, alert: unseen}\n"},
    }),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(RuleReloadTest, NamesOfMacrosAndListsSayNothing) {
  EXPECT_TRUE(Remembers("- macro: m\n  condition: evt.type = open\n" RULE "  condition: m\n" COUNT,
                        "- macro: other\n  condition: evt.type = open\n" RULE "  condition: other\n" COUNT));
}

TEST_F(RuleReloadTest, TheChangedAndTheRemovedAreNamed) {
  const auto rule = [](const std::string& name, const std::string& condition) {
    return "- rule: " + name + "\n  desc: d\n  priority: Notice\n  output: o\n  condition: " + condition + "\n";
  };
  Use(rule("same", "evt.type = open") + rule("changed", "evt.type = open") + rule("gone", "evt.type = open"));
  EXPECT_THAT(
      Reload(rule("changed", "evt.type = execve") + rule("same", "evt.type = open") + rule("new", "evt.type = open")),
      ElementsAre("changed", "gone"));
}

TEST_F(RuleReloadTest, AnotherSuppressionIsAChange) {
  const std::string rule = RULE "  condition: evt.type = open\n  suppress: {by: [proc.name], for: ";
  Use(rule + "10m}\n");
  EXPECT_THAT(Reload(rule + "10m}\n"), IsEmpty());
  EXPECT_THAT(Reload(rule + "20m}\n"), ElementsAre("r"));
}

TEST_F(RuleReloadTest, SequencesAndBaselinesGoOnToo) {
  const std::string sequence = RULE
      "  sequence:\n    by: [proc.pid]\n    within: 5m\n    steps:\n      - evt.type = open\n      - evt.type = "
      "execve\n";
  Use(sequence);
  EXPECT_FALSE(Fires(1 * kSecondNs, Open("/a")));
  Reload(sequence);
  EXPECT_TRUE(Fires(2 * kSecondNs, Exec()));

  const std::string baseline =
      RULE "  condition: evt.type = open\n  baseline: {of: fd.name, by: [proc.name], learn: 1m, alert: unseen}\n";
  Use(baseline);
  EXPECT_FALSE(Fires(1 * kSecondNs, Open("/a")));
  Reload(baseline);
  EXPECT_FALSE(Fires(2 * kMinuteNs, Open("/a"))) << "it was learned";
  EXPECT_TRUE(Fires(2 * kMinuteNs, Open("/b"))) << "and learning is over";
}

TEST_F(RuleReloadTest, CountersGoOnAndTheFormerSetCanBeFreed) {
  Use(MemoryRule("  condition: evt.type = open\n  aggregate: {count: true, by: [fd.name], window: 1h, over: 2}\n"));
  for (uint64_t i = 0; i < 3; ++i) Fires(kSecondNs + i, Open("/" + std::to_string(i)));
  Reload(MemoryRule("  condition: evt.type = open\n  aggregate: {count: true, by: [fd.name], window: 1h, over: 2}\n"));
  EXPECT_EQ(rules_->MemoryStats().at(0).keys, 3u);
  EXPECT_FALSE(Fires(kMinuteNs, Open("/0")));
  EXPECT_TRUE(Fires(kMinuteNs, Open("/0")));
}

TEST_F(RuleReloadTest, WhatIsToBeForgottenIs) {
  Use(MemoryRule(kCount) + MemoryRule(kCount, "other"));
  Fires(1 * kSecondNs, Open("/a"));
  rules_->Forget({"r", "unknown"});
  EXPECT_EQ(rules_->MemoryStats().at(0).keys, 0u);
  EXPECT_EQ(rules_->MemoryStats().at(1).keys, 1u);
}

}  // namespace
}  // namespace tensorwarden
