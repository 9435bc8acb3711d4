// What nobody asks for is not made; what is asked for is, from the next call on, and no longer than that.
#include <gtest/gtest.h>

#include "tests/live/live.h"

namespace tensorwarden {
namespace {

constexpr SensorDemand kEverything = {.opens = true, .sockets = true, .dns = true, .host_changes = true};

class LiveDemandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MountTracefs();
    absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create({});
    if (absl::IsFailedPrecondition(sensor.status())) GTEST_SKIP() << sensor.status();
    ASSERT_TRUE(sensor.ok()) << sensor.status();
    sensor_ = *std::move(sensor);
  }

  uint64_t Produced(const std::string& kind) {
    for (const LostRow& row : sensor_->Lost())
      if (row.kind == kind) return row.produced + row.ring_full;
    ADD_FAILURE() << "no row " << kind;
    return 0;
  }

  // Opens, asks a name server, connects where nobody listens, and makes a ring of io_uring.
  static void DoAll() {
    EXPECT_EQ(Trigger({"open_often", "/etc/passwd", "100"}).Finish(), 0);
    EXPECT_EQ(Trigger({"ask_dns", "udp", "127.0.0.1", "demand.example"}).Finish(), 0);
    Trigger({"http_get", "127.0.0.1", "9"}).Finish();
    EXPECT_EQ(Trigger({"change_host", "uring_setup", "0"}).Finish(), 0);
  }

  std::unique_ptr<Sensor> sensor_;
};

TEST_F(LiveDemandTest, WhatNoRuleAsksForIsNotMade) {
  DoAll();
  for (const char* kind : {"file_open", "dns_query", "socket", "host_change"}) EXPECT_EQ(Produced(kind), 0u) << kind;
  EXPECT_GE(Produced("process_exec"), 4u) << "the host model needs it whatever the rules are";
}

TEST_F(LiveDemandTest, WhatIsAskedForChangesWhileTheSensorRuns) {
  ASSERT_TRUE(sensor_->Ask(kEverything).ok());
  DoAll();
  EXPECT_GE(Produced("file_open"), 100u);
  EXPECT_GE(Produced("dns_query"), 1u);
  EXPECT_GE(Produced("socket"), 1u);
  EXPECT_GE(Produced("host_change"), 1u);
  ASSERT_TRUE(sensor_->Ask({}).ok());
  std::vector<uint64_t> before;
  for (const char* kind : {"file_open", "dns_query", "socket", "host_change"}) before.push_back(Produced(kind));
  DoAll();
  std::vector<uint64_t> after;
  for (const char* kind : {"file_open", "dns_query", "socket", "host_change"}) after.push_back(Produced(kind));
  EXPECT_EQ(after, before);
}

TEST_F(LiveDemandTest, TheHookOfQueriesOutlivesWhicheverOfItsReasonsEndsFirst) {
  const auto state = [this] {
    for (const ProbeRow& row : sensor_->Probes())
      if (row.group == "dns_query") return row.state;
    return std::string("no such row");
  };
  ASSERT_TRUE(sensor_->Escalate().ok());
  ASSERT_TRUE(sensor_->Ask({.dns = true}).ok());
  EXPECT_EQ(state(), "attached");
  ASSERT_TRUE(sensor_->Ask({}).ok());
  EXPECT_EQ(state(), "attached") << "the escalation lasts";
}

// How long a change may keep the event thread from its ring: far less than the ring holds.
TEST_F(LiveDemandTest, AChangeTakesLessThanAThirdOfASecond) {
  for (int round = 0; round < 5; ++round) {
    for (const SensorDemand& demand : {kEverything, SensorDemand{}}) {
      const auto begin = std::chrono::steady_clock::now();
      ASSERT_TRUE(sensor_->Ask(demand).ok());
      const auto took = std::chrono::steady_clock::now() - begin;
      EXPECT_LT(took, std::chrono::milliseconds(300));
      RecordProperty(demand.opens ? "attach_us" : "detach_us",
                     static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    }
  }
}

}  // namespace
}  // namespace tensorwarden
