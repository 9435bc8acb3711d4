// Rules that are compiled beside the event thread.
#include "agent/daemon/rule_reloader.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

absl::StatusOr<LoadedRules> OneRule() {
  LoadedRules loaded;
  absl::StatusOr<std::unique_ptr<RuleSet>> rules =
      RuleSet::Compile({{"r.yaml", RuleText("evt.type = execve")}}, loaded.warnings);
  if (!rules.ok()) return rules.status();
  loaded.rules = *std::move(rules);
  return loaded;
}

std::unique_ptr<RuleReloader> Start(RuleReloader::Loader load) {
  auto reloader = RuleReloader::Create(std::move(load));
  EXPECT_TRUE(reloader.ok()) << reloader.status();
  return *std::move(reloader);
}

std::optional<CompiledRules> WaitAndTake(RuleReloader& reloader) {
  pollfd wait{.fd = reloader.ReadyFd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&wait, 1, 20'000), 1);
  return reloader.Take();
}

TEST(RuleReloaderTest, NothingIsReadyBeforeItIsAskedFor) {
  const auto reloader = Start(OneRule);
  EXPECT_FALSE(reloader->Take().has_value());
}

TEST(RuleReloaderTest, RulesComeFromAnotherThread) {
  std::atomic<pid_t> loader = 0;
  const auto reloader = Start([&] {
    loader = gettid();
    return OneRule();
  });
  reloader->Request();
  const auto compiled = WaitAndTake(*reloader);
  ASSERT_TRUE(compiled.has_value());
  ASSERT_TRUE(compiled->rules.ok());
  EXPECT_EQ(compiled->rules->rules->Size(), 1u);
  EXPECT_NE(loader, gettid());
  EXPECT_FALSE(reloader->Take().has_value()) << "each is taken once";
}

TEST(RuleReloaderTest, AnErrorComesAsOne) {
  const auto reloader = Start([] { return absl::InvalidArgumentError("r.yaml:1:1: no"); });
  reloader->Request();
  const auto compiled = WaitAndTake(*reloader);
  ASSERT_TRUE(compiled.has_value());
  EXPECT_EQ(compiled->rules.status().message(), "r.yaml:1:1: no");
}

// The file may have been changed after the load that runs has read it.
TEST(RuleReloaderTest, RequestsDuringALoadMakeOneMore) {
  std::promise<void> begun, go_on;
  std::atomic<int> loads = 0;
  const auto reloader = Start([&] {
    if (++loads == 1) {
      begun.set_value();
      go_on.get_future().wait();
    }
    return OneRule();
  });
  reloader->Request();
  begun.get_future().wait();
  for (int i = 0; i < 5; ++i) reloader->Request();
  go_on.set_value();
  // The second result may take the place of the first one before that was looked at.
  while (loads < 2) WaitAndTake(*reloader);
  reloader->Take();
  EXPECT_EQ(loads, 2);
}

TEST(RuleReloaderTest, FormerRulesAreFreed) {
  const auto reloader = Start(OneRule);
  reloader->Request();
  auto compiled = WaitAndTake(*reloader);
  reloader->Dispose(std::move(compiled->rules->rules));
  reloader->Request();
  EXPECT_TRUE(WaitAndTake(*reloader).has_value());
}

}  // namespace
}  // namespace tensorwarden
