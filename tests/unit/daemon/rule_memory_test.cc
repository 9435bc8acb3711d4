// What rules remember, from events to alerts and over a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "agent/daemon/analysis.h"
#include "agent/daemon/state_store.h"
#include "tests/support/builders.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kSecond;
using testing::Pid;
using ::testing::SizeIs;

constexpr const char* kRule =
    "- rule: many\n  desc: d\n  priority: Notice\n  output: o\n  condition: evt.type = open\n"
    "  aggregate: {distinct: fd.name, by: [proc.tree], window: 10s, over: 2}\n";

class RuleMemoryTest : public ::testing::Test {
 protected:
  // An agent that sees itself start and two processes, 10 and 20.
  std::unique_ptr<Analysis> Start(const std::string& rules, uint64_t ktime_ns = 0) {
    std::vector<RuleProblem> problems;
    auto compiled = RuleSet::Compile({{"r.yaml", rules}}, problems);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    auto analysis = Analysis::Create(AgentConfig{}, *std::move(compiled));
    EXPECT_TRUE(analysis.ok()) << analysis.status();
    Take(**analysis, ktime_ns, 0, AgentStart{.boot_id = "boot"});
    for (const uint32_t pid : {10u, 20u}) Take(**analysis, ktime_ns, pid, testing::Image({}));
    return *std::move(analysis);
  }

  std::vector<Alert> Take(Analysis& analysis, uint64_t ktime_ns, uint32_t pid, EventBody body) {
    Event event{.seq = ++seq_, .body = std::move(body)};
    event.origin.ktime_ns = ktime_ns;
    if (pid != 0) event.origin.process = Pid(pid);
    std::vector<HostEffect> effects;
    std::vector<Alert> alerts;
    analysis.Take(event, effects, alerts);
    return alerts;
  }

  // Ids of the alerts about opens of `paths`, a second apart.
  std::vector<std::string> Opens(Analysis& analysis, uint64_t from_s, uint32_t pid, const std::string& paths) {
    std::vector<std::string> ids;
    for (const char path : paths) {
      for (const Alert& alert : Take(analysis, from_s++ * kSecond, pid, FileOpen{.path = {'/', path}})) {
        ids.push_back(alert.id);
      }
    }
    return ids;
  }

  uint64_t seq_ = 0;
};

TEST_F(RuleMemoryTest, AnAlertTellsItsFigures) {
  const std::unique_ptr<Analysis> analysis = Start(kRule);
  EXPECT_THAT(Opens(*analysis, 1, 10, "ab"), SizeIs(0));
  const std::vector<Alert> alerts = Take(*analysis, 3 * kSecond, 10, FileOpen{.path = "/c"});
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_THAT(alerts[0].evidence, HasSubstr("more than 2 different fd.name within 10s, by proc.tree 10-"));
}

TEST_F(RuleMemoryTest, TheSameEventsGiveTheSameAlerts) {
  const auto run = [&] {
    seq_ = 0;
    const std::unique_ptr<Analysis> analysis = Start(kRule);
    std::vector<std::string> ids = Opens(*analysis, 1, 10, "abcdefghijklmnopqrstuvwxyz");
    for (const std::string& id : Opens(*analysis, 30, 20, "abaabbc")) ids.push_back(id);
    return ids;
  };
  const std::vector<std::string> first = run();
  EXPECT_THAT(first, SizeIs(4)) << "one each window of 10 s, and that of the other job";
  EXPECT_EQ(run(), first);
}

TEST_F(RuleMemoryTest, SuppressHoldsForTheKeyAndForTheFieldsThatAreNamed) {
  const std::string paths = "abcdefghijklmnopqrstuvwxyz";
  const std::unique_ptr<Analysis> by_key = Start(std::string(kRule) + "  suppress: {for: 1h}\n");
  EXPECT_THAT(Opens(*by_key, 1, 10, paths), SizeIs(1));
  EXPECT_THAT(Opens(*by_key, 40, 20, paths), SizeIs(1)) << "another job is another key";
  const std::unique_ptr<Analysis> by_user = Start(std::string(kRule) + "  suppress: {by: [user.uid], for: 1h}\n");
  EXPECT_THAT(Opens(*by_user, 1, 10, paths), SizeIs(1));
  EXPECT_THAT(Opens(*by_user, 40, 20, paths), SizeIs(0)) << "the same user";
}

TEST_F(RuleMemoryTest, ARestartGoesOnWhereItStoppedByTheSavedState) {
  char folder[] = "/tmp/rule_memory_test.XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/state";
  const std::unique_ptr<Analysis> before = Start(kRule);
  EXPECT_THAT(Opens(*before, 1, 10, "ab"), SizeIs(0));
  ASSERT_TRUE(SaveState(path, {.boot_id = "boot", .saved_ns = 2 * kSecond, .rule_state = before->RuleState()}).ok());
  const absl::StatusOr<SavedState> saved = LoadState(path);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(saved.ok()) << saved.status();
  for (const bool new_boot : {false, true}) {
    const std::unique_ptr<Analysis> after = Start(kRule, 3 * kSecond);
    Take(*after, 3 * kSecond, 0, StateRestored{.rule_state = saved->rule_state, .new_boot = new_boot});
    EXPECT_EQ(after->restore_problem(), "");
    EXPECT_THAT(Opens(*after, 4, 10, "c"), SizeIs(new_boot ? 0 : 1));
  }
}

constexpr const char* kOther =
    "- rule: other\n  desc: d\n  priority: Notice\n  output: o\n  condition: evt.type = open\n"
    "  aggregate: {count: true, window: 1h, over: 2}\n";
constexpr const char* kOtherChanged =
    "- rule: other\n  desc: d\n  priority: Notice\n  output: o\n  condition: evt.type = open\n"
    "  aggregate: {count: true, window: 2h, over: 2}\n";

// From the reload on, a replay with the new rules gives what the live run gave.
TEST_F(RuleMemoryTest, AReplayForgetsAtAReloadWhatTheLiveRunForgot) {
  const auto compile = [](const std::string& text) {
    std::vector<RuleProblem> problems;
    return *RuleSet::Compile({{"r.yaml", text}}, problems);
  };
  const std::unique_ptr<Analysis> live = Start(std::string(kRule) + kOther);
  EXPECT_THAT(Opens(*live, 1, 10, "ab"), SizeIs(0));
  const Analysis::RuleSwap swap = live->ReplaceRules(compile(std::string(kOtherChanged) + kRule));
  EXPECT_THAT(swap.changed, ElementsAre("other"));
  Take(*live, 3 * kSecond, 0, RuleReload{.ok = true, .rules = 2, .changed = swap.changed});
  const std::vector<std::string> live_ids = Opens(*live, 4, 10, "cde");
  EXPECT_THAT(live_ids, SizeIs(2)) << "many at once, the changed one at its third";

  seq_ = 0;
  const std::unique_ptr<Analysis> replay = Start(std::string(kOtherChanged) + kRule);
  Opens(*replay, 1, 10, "ab");
  Take(*replay, 3 * kSecond, 0, RuleReload{.ok = true, .rules = 2, .changed = swap.changed});
  EXPECT_EQ(Opens(*replay, 4, 10, "cde"), live_ids);
}

TEST_F(RuleMemoryTest, ABrokenStateIsAProblemThatIsTold) {
  const std::unique_ptr<Analysis> analysis = Start(kRule);
  Take(*analysis, 1, 0, StateRestored{.detector_state = "x", .rule_state = "y"});
  EXPECT_THAT(analysis->restore_problem(), HasSubstr("the detectors' saved state is broken"));
  EXPECT_THAT(analysis->restore_problem(), HasSubstr("the rules' saved state is broken"));
}

}  // namespace
}  // namespace tensorwarden
