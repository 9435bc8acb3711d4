// What is asked of accelerators. Their driver is played by a node of the kernel's own, which refuses all of it: what is
// asked shows as well.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "bpf/abi/config.h"
#include "bpf/abi/event.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

// Of misc devices, which nothing else opens meanwhile.
std::string FindNode(uint32_t& major_number) {
  for (const char* path : {"/dev/cpu_dma_latency", "/dev/autofs", "/dev/vga_arbiter", "/dev/hwrng"}) {
    struct stat st {};
    if (stat(path, &st) != 0 || !S_ISCHR(st.st_mode)) continue;
    major_number = major(st.st_rdev);
    return path;
  }
  return "";
}

class LiveGpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MountTracefs();
    SensorConfig config;
    config.demand.gpu = true;
    config.escalation_hold = absl::Milliseconds(200);
    node_ = FindNode(major_);
    if (node_.empty()) GTEST_SKIP() << "no device node that could play an accelerator";
    config.devices = {{.major = major_, .driver = EVENT_GPU_NVIDIA}};
    if (const char* tier = getenv("TENSORWARDEN_LIVE_TIER"); tier != nullptr) config.tier = tier;
    absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create(config);
    if (absl::IsFailedPrecondition(sensor.status())) GTEST_SKIP() << sensor.status();
    ASSERT_TRUE(sensor.ok()) << sensor.status();
    sensor_ = *std::move(sensor);
  }

  std::string State() const {
    for (const ProbeRow& row : sensor_->Probes())
      if (row.group == "gpu_call") return row.state;
    return "no such row";
  }

  // Reads events until `done` holds, or the deadline has passed.
  template <typename Done>
  bool ReadUntil(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      sensor_->Tick();
      sensor_->Drain(4096, events_);
    }
    return done();
  }

  std::vector<GpuCall> CallsOf(pid_t pid) const {
    std::vector<GpuCall> calls;
    for (const Event& event : events_)
      if (const auto* call = std::get_if<GpuCall>(&event.body);
          call != nullptr && event.origin.process.tgid == static_cast<uint32_t>(pid))
        calls.push_back(*call);
    return calls;
  }

  std::string node_;
  uint32_t major_ = 0;
  std::unique_ptr<Sensor> sensor_;
  std::vector<Event> events_;
};

TEST_F(LiveGpuTest, CallsAreToldWithWhatTheyPointTo) {
  EXPECT_EQ(State(), "on demand");
  Trigger trigger({"call_driver", node_});
  ASSERT_EQ(trigger.Line(), "opened");
  ASSERT_TRUE(ReadUntil([&] { return State() == "attached"; }));
  trigger.Step();
  ASSERT_EQ(trigger.Line(), "called");
  ASSERT_TRUE(ReadUntil([&] { return CallsOf(trigger.pid()).size() >= 3; }));
  const std::vector<GpuCall> calls = CallsOf(trigger.pid());
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].call, "rm_alloc");
  EXPECT_EQ(calls[0].subject, "nv01_root_client");
  EXPECT_LT(calls[0].result, 0);
  EXPECT_EQ(calls[0].major, major_);
  EXPECT_EQ(calls[1].call, "rm_control");
  EXPECT_EQ(calls[1].subject, "debug_read_memory");
  EXPECT_EQ(calls[1].use, "read_memory");
  EXPECT_EQ(calls[1].bytes, 4096u);
  EXPECT_EQ(calls[1].client, 0xc1d00001);
  EXPECT_EQ(calls[2].call, "rm_dup_object");  // though it was wrapped
  EXPECT_EQ(calls[2].other, 0xc1d00002);
  EXPECT_EQ(trigger.Finish(), 0);
}

TEST_F(LiveGpuTest, TheHooksGoWhenNobodyHasOneOpen) {
  {
    Trigger trigger({"call_driver", node_});
    ASSERT_EQ(trigger.Line(), "opened");
    ASSERT_TRUE(ReadUntil([&] { return State() == "attached"; }));
    trigger.Step();
    ASSERT_EQ(trigger.Line(), "called");
    EXPECT_EQ(trigger.Finish(), 0);
  }
  EXPECT_TRUE(ReadUntil([&] { return State() == "on demand"; }));
}

TEST_F(LiveGpuTest, WhoHeldOneBeforeTheAgentCameIsFound) {
  sensor_.reset();
  Trigger trigger({"call_driver", node_});
  ASSERT_EQ(trigger.Line(), "opened");
  SetUp();
  ASSERT_TRUE(sensor_->Snapshot(events_).ok());
  EXPECT_EQ(State(), "attached");
  const auto opened = [&](const Event& event) {
    const auto* open = std::get_if<DeviceOpen>(&event.body);
    return open != nullptr && open->major == major_ &&
           event.origin.process.tgid == static_cast<uint32_t>(trigger.pid());
  };
  EXPECT_EQ(std::count_if(events_.begin(), events_.end(), opened), 1);
  trigger.Step();
  ASSERT_EQ(trigger.Line(), "called");
  EXPECT_TRUE(ReadUntil([&] { return CallsOf(trigger.pid()).size() == 3; }));
  EXPECT_EQ(trigger.Finish(), 0);
}

TEST_F(LiveGpuTest, AConfirmedWorkloadIsLeftAlone) {
  Trigger other({"call_driver", node_});
  ASSERT_EQ(other.Line(), "opened");
  ASSERT_TRUE(ReadUntil([&] { return State() == "attached"; }));
  Trigger confirmed({"call_driver", node_});
  ASSERT_EQ(confirmed.Line(), "opened");
  ProcessKey key;
  ASSERT_TRUE(ReadUntil([&] {
    for (const Event& event : events_)
      if (event.origin.process.tgid == static_cast<uint32_t>(confirmed.pid())) key = event.origin.process;
    return key.start_ns != 0;
  }));
  ASSERT_TRUE(sensor_->SetProcessFlags(key, PROCESS_F_CONFIRMED).ok());
  confirmed.Step();
  ASSERT_EQ(confirmed.Line(), "called");
  other.Step();
  ASSERT_EQ(other.Line(), "called");
  EXPECT_TRUE(ReadUntil([&] { return CallsOf(other.pid()).size() == 3; }));
  EXPECT_TRUE(CallsOf(confirmed.pid()).empty());
  EXPECT_EQ(confirmed.Finish(), 0);
  EXPECT_EQ(other.Finish(), 0);
}

}  // namespace
}  // namespace tensorwarden
