// What processes ask of name servers.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>

#include "tests/live/live.h"

namespace tensorwarden {
namespace {

constexpr uint16_t kTxt = 16;

bool IsQueryOf(const Event& event, const std::string& name) {
  const auto* query = std::get_if<DnsQuery>(&event.body);
  return query != nullptr && query->name == name;
}

bool IsBy(const Event& event, pid_t pid) { return event.origin.process.tgid == static_cast<uint32_t>(pid); }

// No rule asks for queries here: those of carriers show, while the sensor is escalated.
class LiveDnsTest : public LiveTest {
 protected:
  static void Ask(Trigger& trigger) {
    ASSERT_EQ(trigger.Line(), "ready");
    trigger.Step();
    ASSERT_EQ(trigger.Line(), "asked");
  }
};

TEST_F(LiveDnsTest, ACarriersQueryIsToldAndNobodyElses) {
  Network network;
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  const std::string path = MakeFile("model", 4 << 20);
  Watch(path);
  ASSERT_TRUE(sensor().Escalate().ok());
  Trigger other({"ask_dns", "udp", network.address(), "harmless.example"});
  Ask(other);
  Trigger carrier({"ask_dns", "udp", network.address(), "Weights.thief.example", path});
  Ask(carrier);
  const Event* event = WaitFor([](const Event& e) { return IsQueryOf(e, "weights.thief.example"); });
  ASSERT_NE(event, nullptr);
  EXPECT_TRUE(IsBy(*event, carrier.pid()));
  EXPECT_NE(event->origin.process.start_ns, 0u);
  EXPECT_NE(event->origin.tid, 0u);
  EXPECT_NE(event->origin.cgroup_id, 0u);
  const auto& query = std::get<DnsQuery>(event->body);
  EXPECT_EQ(query.type, kTxt);
  EXPECT_FALSE(query.malformed);
  EXPECT_EQ(query.socket.peer_address, network.address());
  EXPECT_EQ(query.socket.peer_port, 53);
  EXPECT_NE(query.socket.local_port, 0);
  EXPECT_EQ(query.socket.protocol, IPPROTO_UDP);
  EXPECT_EQ(carrier.Finish(), 0);
  WaitForExit(carrier.pid());
  EXPECT_EQ(Count([](const Event& e) { return IsQueryOf(e, "harmless.example"); }), 0u);
}

TEST_F(LiveDnsTest, NothingIsAttachedWithoutAReason) {
  ASSERT_TRUE(sensor().Escalate().ok());
  const auto state = [] {
    for (const ProbeRow& row : sensor().Probes())
      if (row.group == "dns_query") return row.state;
    return std::string("no such row");
  };
  EXPECT_EQ(state(), "attached");
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (sensor().Escalated() && std::chrono::steady_clock::now() < deadline) {
    sensor().Tick();
    ReadOnce(100);
  }
  if (sensor().Escalated()) GTEST_SKIP() << "nothing else sees reads on this kernel: it stays escalated";
  EXPECT_EQ(state(), "on demand");
}

// Sensors of their own, as a rule that asks for the kind would have it.
class LiveDnsRuleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MountTracefs();
    SensorConfig config;
    config.demand.dns = true;
    absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create(config);
    if (absl::IsFailedPrecondition(sensor.status())) GTEST_SKIP() << sensor.status();
    ASSERT_TRUE(sensor.ok()) << sensor.status();
    sensor_ = *std::move(sensor);
  }

  // How often `name` is told to be asked for by a trigger that asks so; it has ended then.
  size_t TimesTold(const char* protocol, const std::string& ip, const std::string& name) {
    Trigger trigger({"ask_dns", protocol, ip, name});
    trigger.Step();
    EXPECT_EQ(trigger.Finish(), 0);
    const auto ended = [&](const Event& e) {
      return std::holds_alternative<ProcessExit>(e.body) && IsBy(e, trigger.pid());
    };
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (std::none_of(events_.begin(), events_.end(), ended) && std::chrono::steady_clock::now() < deadline)
      sensor_->Drain(4096, events_);
    while (sensor_->Drain(4096, events_) > 0) continue;
    return static_cast<size_t>(std::count_if(
        events_.begin(), events_.end(), [&](const Event& e) { return IsQueryOf(e, name) && IsBy(e, trigger.pid()); }));
  }

  std::unique_ptr<Sensor> sensor_;
  std::vector<Event> events_;
};

TEST_F(LiveDnsRuleTest, QueriesOfEveryProcessAreTold) {
  EXPECT_FALSE(sensor_->Escalated());
  EXPECT_EQ(TimesTold("udp", "127.0.0.1", "four.example"), 1u);
  EXPECT_EQ(TimesTold("udp", "::1", "six.example"), 1u);
}

TEST_F(LiveDnsRuleTest, OverTcpTheFirstQueryIsToldAsItsConnectors) {
  Network network;
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  Trigger server({"receive_tcp", network.address(), "53"}, network.name());
  ASSERT_EQ(server.Line(), "listening");
  EXPECT_EQ(TimesTold("tcp", network.address(), "stream.example"), 1u);
}

}  // namespace
}  // namespace tensorwarden
