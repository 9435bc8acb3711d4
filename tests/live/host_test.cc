// Changes of the host itself, and reaches for another process's power.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "bpf/abi/event.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

struct Deed {
  const char* name;
  uint32_t op;
  const char* group;    // of the probe table
  bool found_by_looks;  // where no hook tells it
};

class LiveHostTest : public LiveTest {
 protected:
  static bool HasHook(const std::string& group) {
    const std::vector<ProbeRow> rows = sensor().Probes();
    return std::any_of(rows.begin(), rows.end(), [&](const ProbeRow& row) {
      return row.group == group && row.state == "attached" && row.tier != "agent";
    });
  }
  const HostChange* WaitForChange(uint32_t op, pid_t pid) {
    return WaitForBody<HostChange>([&](const Event& event, const HostChange& body) {
      return body.op == op && event.origin.process.tgid == static_cast<uint32_t>(pid);
    });
  }
};

class LiveDeedTest : public LiveHostTest, public ::testing::WithParamInterface<Deed> {};

TEST_P(LiveDeedTest, IsTold) {
  const Deed& deed = GetParam();
  const bool hook = HasHook(deed.group);
  if (!hook && !deed.found_by_looks) GTEST_SKIP() << "no hook of this kernel shows " << deed.group;
  Trigger idle({"hold_file", MakeFile("plain", 4096), "4096"});
  ASSERT_NE(idle.Line(), "");
  const bool on_agent = deed.op == EVENT_HOST_SIGNAL;
  Trigger trigger({"change_host", deed.name, std::to_string(on_agent ? getpid() : idle.pid())});
  ASSERT_EQ(trigger.Line(), "done");
  if (!hook) sensor().Tick();
  const HostChange* change = WaitForChange(deed.op, hook ? trigger.pid() : 0);
  ASSERT_NE(change, nullptr);
  if (on_agent) {
    EXPECT_EQ(change->target.tgid, static_cast<uint32_t>(getpid()));
  }
  if (deed.op == EVENT_HOST_PTRACE) {
    EXPECT_EQ(change->target.tgid, static_cast<uint32_t>(idle.pid()));
  }
  if (deed.op == EVENT_HOST_BPF) {
    EXPECT_EQ(change->name, "thief");
  }
  if (deed.op == EVENT_HOST_SET_UID) {
    EXPECT_EQ(change->value, 12u);
  }
  EXPECT_EQ(trigger.Finish(), 0);
}

INSTANTIATE_TEST_SUITE_P(Live, LiveDeedTest,
                         ::testing::Values(Deed{"ring", EVENT_HOST_URING, "uring_create", false},
                                           Deed{"signal", EVENT_HOST_SIGNAL, "agent_signal", false},
                                           Deed{"raw", EVENT_HOST_SOCKET, "socket_create", false},
                                           Deed{"bpf", EVENT_HOST_BPF, "bpf_load", true},
                                           Deed{"clock", EVENT_HOST_CLOCK, "clock", true},
                                           Deed{"trace", EVENT_HOST_PTRACE, "ptrace", false},
                                           Deed{"uid", EVENT_HOST_SET_UID, "set_uid", false},
                                           Deed{"capability", EVENT_HOST_SET_CAPS, "set_caps", false},
                                           Deed{"namespace", EVENT_HOST_USER_NAMESPACE, "user_namespace", false}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(LiveHostTest, MountIsToldWithItsPlace) {
  Trigger trigger({"mount_over", MakeFile("strange", 4096), MakeFile("plain", 4096)});
  ASSERT_EQ(trigger.Line(), "mounted");
  const auto* change = WaitForBody<HostChange>(
      [&](const Event&, const HostChange& body) { return body.op == EVENT_HOST_MOUNT && body.name == Path("plain"); });
  ASSERT_NE(change, nullptr);
  EXPECT_FALSE(change->detail.empty());
  EXPECT_EQ(trigger.Finish(), 0);
}

}  // namespace
}  // namespace tensorwarden
