#include "agent/evidence/collector.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <future>

#include "agent/evidence/look.h"

namespace tensorwarden {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

ProcessKey Self() { return {static_cast<uint32_t>(getpid()), 1}; }

EvidenceConfig Config() {
  return {.holdings = [](const ProcessKey&) { return Holdings(); }, .is_alive = [](const ProcessKey&) { return true; }};
}

std::vector<Collected> WaitFor(EvidenceCollector& collector) {
  std::vector<Collected> taken;
  for (int i = 0; i < 100 && taken.empty(); ++i) {
    pollfd ready{.fd = collector.ReadyFd(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, 100);
    taken = collector.Take();
  }
  return taken;
}

TEST(EvidenceCollectorTest, AProcessIsSeenWithItsFilesAndTheModulesOfItsStack) {
  auto collector = EvidenceCollector::Create(Config());
  ASSERT_TRUE(collector.ok());
  const UniqueFd file(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  (*collector)->Want({Self(), 42, {reinterpret_cast<uint64_t>(&getpid) + 4}});
  const std::vector<Collected> found = WaitFor(**collector);
  ASSERT_THAT(found, SizeIs(1));
  const Evidence& evidence = found[0].evidence;
  EXPECT_EQ(evidence.cause_seq, 42u);
  EXPECT_TRUE(std::any_of(evidence.descriptors.begin(), evidence.descriptors.end(),
                          [](const HeldDescriptor& held) { return held.path == "/etc/passwd"; }));
  ASSERT_THAT(evidence.stack, SizeIs(1));
  EXPECT_THAT(evidence.stack[0].module, HasSubstr("/"));
  EXPECT_THAT(evidence.missing, HasSubstr("function names")) << "there is no helper here";
}

TEST(EvidenceCollectorTest, AnotherProcessUnderTheNumberIsNotTaken) {
  EvidenceConfig config = Config();
  config.is_alive = [](const ProcessKey&) { return false; };
  const Look look = LookAt(config, {Self(), 42, {0x1000}});
  EXPECT_THAT(look.found.evidence.descriptors, SizeIs(0));
  EXPECT_THAT(look.found.evidence.missing, HasSubstr("had ended"));
  SymbolClient none{SymbolClientConfig{}};
  const Collected found = Finish(LookAt(config, {Self(), 42, {0x1000}}), none);
  ASSERT_THAT(found.evidence.stack, SizeIs(1));
  EXPECT_EQ(found.evidence.stack[0].address, 0x1000u);
  EXPECT_EQ(found.evidence.stack[0].module, "");
}

TEST(EvidenceCollectorTest, AProcessThatMakesItsReaderWaitDelaysNobodyAndIsToldBare) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  EvidenceConfig config = Config();
  config.holdings = [released](const ProcessKey&) {
    released.wait();
    return Holdings();
  };
  config.deadline = absl::Milliseconds(20);
  config.max_waiting = 2;
  auto collector = EvidenceCollector::Create(std::move(config));
  ASSERT_TRUE(collector.ok());
  for (uint64_t seq = 1; seq <= 3; ++seq) (*collector)->Want({Self(), seq, {0x1000}});
  std::vector<Collected> found;
  while (found.size() < 3) {
    std::vector<Collected> more = WaitFor(**collector);
    ASSERT_FALSE(more.empty());
    std::move(more.begin(), more.end(), std::back_inserter(found));
  }
  EXPECT_EQ(found[0].evidence.cause_seq, 3u);
  EXPECT_THAT(found[0].evidence.missing, HasSubstr("too many"));
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_THAT(found[i].evidence.missing, HasSubstr("in time"));
    EXPECT_THAT(found[i].evidence.stack, SizeIs(1));
  }
  EXPECT_EQ((*collector)->stats().late, 2u);
  EXPECT_EQ((*collector)->stats().crowded, 1u);
  release.set_value();
}

TEST(SymbolClientTest, AHelperThatSaysNothingIsGivenUpAndNotTriedAtOnce) {
  SymbolClient client({.program = "/usr/bin/yes", .timeout = absl::Milliseconds(50)});
  const SymbolRequest request{.process = Self()};
  EXPECT_THAT(client.Ask(request, {}).status().message(), HasSubstr("late"));
  EXPECT_THAT(client.Ask(request, {}).status().message(), HasSubstr("waits to be tried again"));
  EXPECT_EQ(client.stats().started, 1u);
}

TEST(SymbolClientTest, AHelperThatDiesOrIsNotThereIsAnError) {
  SymbolClient dies({.program = "/bin/true"});
  EXPECT_TRUE(absl::IsUnavailable(dies.Ask({.process = Self()}, {}).status()));
  SymbolClient missing({.program = "/nonexistent/helper"});
  EXPECT_TRUE(absl::IsUnavailable(missing.Ask({.process = Self()}, {}).status()));
  SymbolClient none{SymbolClientConfig{}};
  EXPECT_TRUE(absl::IsNotFound(none.Ask({.process = Self()}, {}).status()));
}

TEST(SymbolClientTest, AfterBackOffAnotherHelperIsStarted) {
  SymbolClient client({.program = "/bin/true", .first_back_off = absl::ZeroDuration()});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(client.Ask({.process = Self()}, {}).ok());
  EXPECT_EQ(client.stats().started, 3u);
  EXPECT_EQ(client.stats().failed, 3u);
}

}  // namespace
}  // namespace tensorwarden
