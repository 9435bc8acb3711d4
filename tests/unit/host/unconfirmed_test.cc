#include "agent/host/unconfirmed.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/builders.h"

namespace tensorwarden {
namespace {

using testing::Image;
using testing::LabelsTo;
using testing::LabelsToFile;
using testing::Pid;
using testing::TestHost;

constexpr uint32_t kServer = 100;
constexpr uint32_t kStranger = 200;
constexpr uint32_t kChild = 101;

class UnconfirmedCarrierTest : public ::testing::Test {
 protected:
  UnconfirmedCarrierTest()
      : host_({.workloads = {{.name = "server", .role = Role::kInference, .exe = "/opt/server"}}}) {
    host_.Exec(kServer, {.path = "/opt/server"});
    host_.Exec(kStranger);
  }

  void Comes(uint32_t actor, EventBody body) {
    Event event;
    event.origin.process = Pid(actor);
    event.body = std::move(body);
    events_.push_back(std::move(event));
  }
  bool Became() const { return BecameUnconfirmedCarrier(host_.model(), events_); }

  TestHost host_;
  std::vector<Event> events_;
};

TEST_F(UnconfirmedCarrierTest, AStrangerIsOneAndAConfirmedServerIsNot) {
  Comes(kServer, LabelsTo(1));
  EXPECT_FALSE(Became());
  Comes(kStranger, LabelsTo(1));
  EXPECT_TRUE(Became());
}

TEST_F(UnconfirmedCarrierTest, AFileIsNoCarrier) {
  Comes(kStranger, LabelsToFile(1, 5));
  EXPECT_FALSE(Became());
}

TEST_F(UnconfirmedCarrierTest, AChildThatTheModelHasNotSeenIsWhatItsParentIs) {
  Comes(kServer, ProcessFork{Pid(kChild)});
  Comes(kChild, ProcessFork{Pid(kChild + 1)});
  Comes(kChild + 1, LabelsTo(1));
  EXPECT_FALSE(Became());
  Comes(kStranger, ProcessFork{Pid(300)});
  Comes(300, LabelsTo(1));
  EXPECT_TRUE(Became());
}

TEST_F(UnconfirmedCarrierTest, AProgramThatTheModelHasNotSeenIsUnconfirmed) {
  Comes(kServer, ProcessFork{Pid(kChild)});
  Comes(kChild, Image({.path = "/usr/bin/curl"}));
  Comes(kChild, LabelsTo(1));
  EXPECT_TRUE(Became());
}

TEST_F(UnconfirmedCarrierTest, AServerThatExecutesAnotherProgramIsUnconfirmedAtOnce) {
  Comes(kServer, Image({.path = "/usr/bin/curl"}));
  Comes(kServer, LabelsTo(1));
  EXPECT_TRUE(Became());
}

TEST_F(UnconfirmedCarrierTest, AnUnknownProcessIsUnconfirmed) {
  Comes(999, LabelsTo(1));
  EXPECT_TRUE(Became());
}

}  // namespace
}  // namespace tensorwarden
