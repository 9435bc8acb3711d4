// Processes, devices, the snapshot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "bpf/abi/config.h"
#include "bpf/abi/event.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;

class LiveProcessTest : public LiveTest {};

TEST_F(LiveProcessTest, ForkExecAndExitTellOneLife) {
  const std::string program = BesideProgram("triggers/exit_with");
  Trigger trigger({"fork_exec", program, "7"});
  const auto parent = static_cast<uint32_t>(trigger.pid());
  EXPECT_EQ(trigger.Finish(), 0);
  const Event* fork = WaitFor([&](const Event& event) {
    return std::holds_alternative<ProcessFork>(event.body) && event.origin.process.tgid == parent;
  });
  ASSERT_NE(fork, nullptr);
  const ProcessKey child = std::get<ProcessFork>(fork->body).child;
  const ProcessKey parent_key = fork->origin.process;
  const auto* exec =
      WaitForBody<ProcessExec>([&](const Event& event, const ProcessExec&) { return event.origin.process == child; });
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->path, program);
  EXPECT_THAT(exec->args, ElementsAre(program, "7"));
  EXPECT_EQ(exec->parent, parent_key);
  EXPECT_EQ(exec->uid, getuid());
  EXPECT_FALSE(exec->cgroup.empty());
  EXPECT_TRUE(exec->exe);
  const auto* exit =
      WaitForBody<ProcessExit>([&](const Event& event, const ProcessExit&) { return event.origin.process == child; });
  ASSERT_NE(exit, nullptr);
  EXPECT_EQ(exit->exit_code, 7 << 8);
}

TEST_F(LiveProcessTest, APathInMountsOfAUsersMakingIsMarked) {
  const std::string program = BesideProgram("triggers/exit_with");
  for (const char* whose : {"own", "users"}) {
    Trigger trigger({"user_mounts", whose, program, "7"});
    const auto pid = static_cast<uint32_t>(trigger.pid());
    const int status = trigger.Finish();
    if (status == 0) GTEST_SKIP() << "no user namespaces here";
    const Event* exec = WaitFor([&](const Event& event) {
      const auto* body = std::get_if<ProcessExec>(&event.body);
      return body != nullptr && event.origin.process.tgid == pid && body->path == program;
    });
    ASSERT_NE(exec, nullptr) << whose;
    EXPECT_EQ((exec->origin.flags & EVENT_F_USER_MOUNTS) != 0, whose == std::string("users"));
  }
}

TEST_F(LiveProcessTest, DeviceOpenTellsItsNumbers) {
  Trigger trigger({"open_device", "/dev/ptmx"});
  const auto pid = static_cast<uint32_t>(trigger.pid());
  EXPECT_EQ(trigger.Finish(), 0);
  const auto* open = WaitForBody<DeviceOpen>(
      [&](const Event& event, const DeviceOpen& body) { return event.origin.process.tgid == pid && body.major == 5; });
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(open->minor, 2u);
}

TEST_F(LiveProcessTest, SnapshotKnowsWhoHoldsAnAsset) {
  const std::string path = MakeFile("model", 1 << 20);
  Trigger mapper({"map_file", path});
  ASSERT_EQ(mapper.Line(), "mapped");
  const FileKey file = Watch(path);
  std::vector<Event> snapshot;
  ASSERT_TRUE(sensor().Snapshot(snapshot).ok());
  const auto pid = static_cast<uint32_t>(mapper.pid());
  ProcessKey process;
  uint64_t mapped = 0;
  for (const Event& event : snapshot) {
    if (event.origin.process.tgid != pid) continue;
    const auto* held = std::get_if<AssetHeld>(&event.body);
    if (held != nullptr && held->mapped && held->file == file) mapped = held->bytes;
    if (std::holds_alternative<ProcessSnapshot>(event.body)) process = event.origin.process;
  }
  EXPECT_EQ(mapped, 1u << 20);
  uint64_t volume = 0;
  for (const LabelHolder& holder : sensor().Holders())
    if (holder.process == process && process)
      for (const auto& [bit, bytes] : holder.volumes)
        if (bit == LabelOf(file)) volume = bytes;
  EXPECT_EQ(volume, 1u << 20) << "a mapping counts its length";
}

TEST_F(LiveProcessTest, SnapshotKnowsListeners) {
  Trigger listener({"listen_tcp", "127.0.0.1", "18431"});
  ASSERT_EQ(listener.Line(), "listening");
  std::vector<Event> snapshot;
  ASSERT_TRUE(sensor().Snapshot(snapshot).ok());
  const bool found = std::any_of(snapshot.begin(), snapshot.end(), [&](const Event& event) {
    const auto* body = std::get_if<Listener>(&event.body);
    return body != nullptr && body->socket.local_port == 18431 &&
           event.origin.process.tgid == static_cast<uint32_t>(listener.pid());
  });
  EXPECT_TRUE(found);
}

TEST_F(LiveProcessTest, RestoredCarrierMustBeAlive) {
  Trigger trigger({"listen_tcp", "127.0.0.1", "18432"});
  const auto pid = static_cast<uint32_t>(trigger.pid());
  const Event* exec = WaitFor([&](const Event& event) {
    return std::holds_alternative<ProcessExec>(event.body) && event.origin.process.tgid == pid;
  });
  ASSERT_NE(exec, nullptr);
  LabelHolder holder{.process = exec->origin.process, .object = EVENT_OBJECT_PROCESS, .labels = 4};
  holder.volumes.emplace_back(2, 1000);
  EXPECT_TRUE(sensor().RestoreHolder(holder).ok());
  holder.process.start_ns += 1'000'000'000;
  EXPECT_EQ(sensor().RestoreHolder(holder).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tensorwarden
