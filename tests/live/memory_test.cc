// Mappings that show no fault, the memory of others, and memory that processes share.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "bpf/abi/config.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kSize = 4 << 20;

bool TwoStages() {
  const char* stages = getenv("TENSORWARDEN_LIVE_STAGES");
  return stages == nullptr || std::string(stages) != "1";
}

class LiveMemoryTest : public LiveTest {
 protected:
  // The most that one process was told to hold of a label, as far as events have come in.
  uint64_t Volume(pid_t pid, uint32_t label) const {
    uint64_t volume = 0;
    for (const LabelHolder& holder : sensor().Holders())
      for (const auto& [bit, bytes] : holder.volumes)
        if (bit == label && holder.process.tgid == static_cast<uint32_t>(pid)) volume = std::max(volume, bytes);
    return volume;
  }
  // Of an escalation: a group of the probe table.
  bool WaitForHook(const std::string& group) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < deadline) {
      for (const ProbeRow& row : sensor().Probes())
        if (row.group == group && row.state == "attached") return true;
      ReadOnce(10);
    }
    return false;
  }
  const LabelMove* WaitForLabel(pid_t pid, uint32_t label) {
    return WaitForBody<LabelMove>([&](const Event& event, const LabelMove& body) {
      return event.origin.process.tgid == static_cast<uint32_t>(pid) && (body.labels >> label & 1) != 0 && !body.target;
    });
  }
};

TEST_F(LiveMemoryTest, EveryWayToMapIsSeenWithoutAFault) {
  for (const char* way : {"plain", "fixed", "compat"}) {
#ifndef __x86_64__
    if (way == std::string("compat")) continue;
#endif
    const std::string path = MakeFile(way, kSize);
    const FileKey file = Watch(path);
    Trigger trigger({"map_quietly", way, path});
    const std::string line = trigger.Line();
    if (line.empty() && way == std::string("compat")) continue;  // a kernel without 32-bit calls
    ASSERT_EQ(line, "mapped") << way;
    const LabelMove* move = WaitForLabel(trigger.pid(), LabelOf(file));
    ASSERT_NE(move, nullptr) << way;
    EXPECT_EQ(move->source, file) << way;
    EXPECT_EQ(Volume(trigger.pid(), LabelOf(file)), kSize) << way;
    EXPECT_EQ(trigger.Finish(), 0);
  }
}

class LiveForeignTest : public LiveMemoryTest {
 protected:
  // What a process that takes `bytes` out of a carrier's memory holds then.
  uint64_t Take(const std::string& way, uint64_t bytes) {
    const std::string path = MakeFile("model-" + way, kSize);
    const FileKey file = Watch(path);
    Trigger holder({"hold_file", path, std::to_string(kSize)});
    const std::string where = holder.Line();
    EXPECT_FALSE(where.empty());
    Trigger reader({"read_memory", way, std::to_string(holder.pid()), where, std::to_string(bytes)});
    EXPECT_EQ(reader.Line(), "taken") << way;
    const uint64_t volume = Volume(reader.pid(), LabelOf(file));
    if (volume >= 4096) {
      const LabelMove* move = WaitForLabel(reader.pid(), LabelOf(file));
      EXPECT_EQ(move == nullptr ? 0 : move->source_process.tgid, static_cast<uint32_t>(holder.pid()));
    }
    return volume;
  }
};

TEST_F(LiveForeignTest, ReaderOfAnothersMemoryHoldsWhatItTook) {
  EXPECT_EQ(Take("vm", kSize), kSize);
  EXPECT_EQ(Take("vm", kSize / 4), kSize / 4);
  EXPECT_GE(Take("mem", kSize / 4), kSize / 4);
  EXPECT_EQ(Take("peek", 8192), 8192u);
}

TEST_F(LiveForeignTest, WritesIntoACarriersMemoryAreToldOnce) {
  const std::string path = MakeFile("model", kSize);
  Watch(path);
  Trigger holder({"hold_file", path, std::to_string(kSize)}), other({"hold_file", MakeFile("plain", 65536), "65536"});
  const std::string where = holder.Line(), elsewhere = other.Line();
  Trigger stranger({"read_memory", "store", std::to_string(other.pid()), elsewhere, "65536"});
  ASSERT_EQ(stranger.Line(), "taken");
  Trigger writer({"read_memory", "store", std::to_string(holder.pid()), where, "65536"});
  ASSERT_EQ(writer.Line(), "taken");
  const auto is_write = [](const HostChange& body) { return body.op == EVENT_HOST_MEMORY_WRITE; };
  const HostChange* change =
      WaitForBody<HostChange>([&](const Event&, const HostChange& body) { return is_write(body); });
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->target.tgid, static_cast<uint32_t>(holder.pid()));
  EXPECT_EQ(change->value, 4096u);
  ReadOnce(200);
  size_t told = 0;
  for (const Event& event : events_) {
    const auto* body = std::get_if<HostChange>(&event.body);
    told += body != nullptr && is_write(*body) ? 1 : 0;
  }
  EXPECT_EQ(told, 1u);
}

TEST_F(LiveForeignTest, ListingProcessesTakesNothing) { EXPECT_EQ(Take("args", 65536), 0u); }

class LiveShareTest : public LiveMemoryTest {
 protected:
  // What a child holds that shares `bytes` of memory with a process which reads a model of kSize into it.
  uint64_t Share(const std::string& kind, uint64_t bytes) {
    const std::string path = MakeFile("model-" + kind, kSize);
    const FileKey file = Watch(path);
    Trigger sharer({"share_memory", kind, path, std::to_string(bytes)});
    const pid_t child = std::atoi(sharer.Line().c_str());
    EXPECT_GT(child, 0) << kind;
    sharer.Step();
    EXPECT_EQ(sharer.Line(), "read");
    EXPECT_NE(WaitForLabel(sharer.pid(), LabelOf(file)), nullptr);
    sharer.Step();
    EXPECT_EQ(sharer.Line(), "told");
    EXPECT_TRUE(bytes < 65536 || WaitForLabel(child, LabelOf(file)) != nullptr) << kind;
    sensor().Tick();
    const uint64_t volume = Volume(child, LabelOf(file));
    EXPECT_EQ(sharer.Finish(), 0);
    return volume;
  }
};

TEST_F(LiveShareTest, MemorySharedBeforeTheReadMakesACarrier) {
  for (const char* kind : {"anon", "shm", "memfd", "sysv"}) EXPECT_EQ(Share(kind, kSize), kSize) << kind;
}

TEST_F(LiveShareTest, MemoryMappedAfterTheReadMakesACarrier) {
  for (const char* kind : {"late-shm", "late-sysv"}) EXPECT_EQ(Share(kind, kSize), kSize) << kind;
}

TEST_F(LiveShareTest, OneAddressSpaceIsOneCarrier) { EXPECT_EQ(Share("twin", kSize), kSize); }

TEST_F(LiveShareTest, ASmallMappingCarriesNoMoreThanItsSize) {
  for (const char* kind : {"anon", "shm", "memfd", "sysv"}) EXPECT_EQ(Share(kind, 65536), 65536u) << kind;
  EXPECT_LE(Share("late-shm", 65536), 65536u);
}

TEST_F(LiveShareTest, AFewPagesOfLocksCarryNothing) {
  for (const char* kind : {"anon", "shm", "sysv"}) EXPECT_EQ(Share(kind, 8192), 0u) << kind;
}

class LiveRingTest : public LiveMemoryTest {
 protected:
  // Of two processes and a ring, what the one that sends then holds, and what it is charged for kSent bytes.
  struct Outcome {
    uint64_t held = 0;
    uint64_t charged = 0;
  };
  Outcome Use(const std::string& mode, const std::string& port) {
    const std::string path = MakeFile("model-" + mode, kSize);
    const FileKey file = Watch(path);
    Trigger receiver({"receive_tcp", "127.0.0.1", port});
    EXPECT_EQ(receiver.Line(), "listening");
    Trigger parent({"share_ring", mode, "127.0.0.1", port, path, std::to_string(kSent)});
    const pid_t child = std::atoi(parent.Line().c_str());
    if (child <= 0) {
      no_rings_ = true;
      return {};
    }
    parent.Step();
    EXPECT_EQ(parent.Line(), "read") << mode;
    const bool by_child = mode == "buffer";
    EXPECT_NE(WaitForLabel(by_child ? parent.pid() : child, LabelOf(file)), nullptr) << mode;
    EXPECT_TRUE(mode == "own" || WaitForLabel(by_child ? child : parent.pid(), LabelOf(file)) != nullptr) << mode;
    sensor().Tick();
    parent.Step();
    EXPECT_EQ(parent.Line(), "sent") << mode;
    const Outcome outcome{Volume(by_child ? child : parent.pid(), LabelOf(file)), ChargedBytes(LabelOf(file))};
    EXPECT_EQ(parent.Finish(), 0) << mode;
    return outcome;
  }
  static constexpr uint64_t kSent = 1'000'000;
  bool no_rings_ = false;
};

TEST_F(LiveRingTest, WhoUsesOneRingHoldsWhatTheOthersHold) {
  for (const char* mode : {"submit", "buffer", "late"}) {
    const Outcome outcome = Use(mode, "18456");
    if (no_rings_) GTEST_SKIP() << "io_uring does not work here";
    EXPECT_EQ(outcome.held, kSize) << mode;
    EXPECT_EQ(outcome.charged, kSent) << mode;
  }
}

TEST_F(LiveRingTest, RingsOfTheirOwnShareNothing) {
  const Outcome outcome = Use("own", "18457");
  if (no_rings_) GTEST_SKIP() << "io_uring does not work here";
  EXPECT_EQ(outcome.held, 0u);
  EXPECT_EQ(outcome.charged, 0u);
}

class LiveHiddenTest : public LiveMemoryTest {
 protected:
  void TearDown() override {
    if (!memory_file_.empty()) unlink(memory_file_.c_str());
    LiveMemoryTest::TearDown();
  }
  // A model in memory.
  FileKey WatchInMemory() {
    memory_file_ = fmt::format("/dev/shm/tensorwarden-live-model-{}", getpid());
    UniqueFd fd(open(memory_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const std::string block(kSize, 'w');
    EXPECT_EQ(write(fd.get(), block.data(), block.size()), static_cast<ssize_t>(kSize));
    return Watch(memory_file_);
  }
  // Once the second stage stands: readers come until one is noticed. False: this kernel has no 32-bit calls.
  bool WaitFor32BitCalls() {
    EXPECT_TRUE(!TwoStages() || WaitForHook("listed_syscalls"));
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < deadline) {
      for (const ProbeRow& row : sensor().Probes())
        if (row.group == "syscalls" && row.state == "attached") return true;
      Trigger reader({"read_shm", "compat", memory_file_});
      if (reader.Line().empty()) return false;
      ReadOnce(10);
    }
    ADD_FAILURE() << "no 32-bit call was noticed";
    return false;
  }
  std::string memory_file_;
};

TEST_F(LiveHiddenTest, EveryWayToReadAModelInMemoryCounts) {
  for (const char* way :
       {"read", "pread", "readv", "preadv2", "sendfile", "sendfile-at", "splice-at", "copy", "uring", "compat"}) {
    const FileKey file = WatchInMemory();
    if (way == std::string("compat")) WaitForRest();
    ASSERT_TRUE(sensor().Escalate().ok());
    if (way == std::string("compat") && !WaitFor32BitCalls()) continue;
    Trigger reader({"read_shm", way, memory_file_});
    const std::string line = reader.Line();
    if (line.empty() && (way == std::string("compat") || way == std::string("uring"))) continue;  // not on this kernel
    ASSERT_EQ(line, "read") << way;
    EXPECT_EQ(Volume(reader.pid(), LabelOf(file)), kSize) << way;
    EXPECT_EQ(reader.Finish(), 0) << way;
  }
}

TEST_F(LiveHiddenTest, AReadBeforeTheHookStandsIsCreditedByItsPosition) {
  const FileKey file = WatchInMemory();
  WaitForRest();
  Trigger reader({"hold_file", memory_file_, std::to_string(kSize)});
  ASSERT_FALSE(reader.Line().empty());
  ASSERT_NE(WaitForLabel(reader.pid(), LabelOf(file)), nullptr);
  EXPECT_EQ(Volume(reader.pid(), LabelOf(file)), kSize);
}

class LiveStreamTest : public LiveMemoryTest {
 protected:
  // A child that got `bytes` of a model from its carrier gets the label, out of an object of this kind.
  void Relay(const std::string& how, uint32_t object) {
    const std::string path = MakeFile("model-" + how, kSize);
    const FileKey file = Watch(path);
    if (how == "compat") WaitForRest();
    Trigger relay({"stream_relay", how, path, "1000000"});
    const std::string line = relay.Line();
    if (line.empty() && how == "uring") GTEST_SKIP() << "io_uring does not work here";
    ASSERT_EQ(line, "read") << how;
    ASSERT_NE(WaitForLabel(relay.pid(), LabelOf(file)), nullptr);
    ASSERT_TRUE(sensor().Escalate().ok());
    if (how == "compat") {
      ASSERT_TRUE(!TwoStages() || WaitForHook("listed_syscalls"));
      relay.Step();
      ASSERT_EQ(relay.Line(), "began");
      ASSERT_TRUE(WaitForHook("syscalls"));
    }
    relay.Step();
    ASSERT_EQ(relay.Line(), "relayed") << how;
    const auto* move = WaitForBody<LabelMove>([&](const Event& event, const LabelMove& body) {
      return (body.labels >> LabelOf(file) & 1) != 0 && body.source_object == object && !body.target &&
             event.origin.process.tgid != static_cast<uint32_t>(relay.pid());
    });
    EXPECT_NE(move, nullptr) << how;
    EXPECT_EQ(relay.Finish(), 0);
  }
};

TEST_F(LiveStreamTest, WhatIsPrintedReachesWhoReadsTheTerminal) { Relay("printed", EVENT_OBJECT_TERMINAL); }
TEST_F(LiveStreamTest, WhatIsTypedReachesTheProgram) { Relay("typed", EVENT_OBJECT_TERMINAL); }
TEST_F(LiveStreamTest, PipeOfIoUringCarriesTheLabelOn) { Relay("uring", EVENT_OBJECT_PIPE); }
#ifdef __x86_64__
// Its reader makes its first calls when the second stage, which does not see them, has long stood.
TEST_F(LiveStreamTest, PipeOf32BitCallsCarriesTheLabelOn) { Relay("compat", EVENT_OBJECT_PIPE); }
#endif

TEST_F(LiveMemoryTest, ACoreFileHoldsWhatTheServerHeld) {
  std::ifstream setting("/proc/sys/kernel/core_pattern");
  std::string pattern;
  std::getline(setting, pattern);
  if (pattern.find_first_of("|/@") != std::string::npos)
    GTEST_SKIP() << "core files of this host do not go to the working directory: " << pattern;
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger server({"dump_core", folder_, path, std::to_string(kSize)});
  ASSERT_EQ(server.Line(), "read");
  const int status = server.Finish();
  if (!WIFSIGNALED(status) || !WCOREDUMP(status)) GTEST_SKIP() << "no core file was written: " << status;
  uint64_t held = 0;
  for (const LabelHolder& holder : sensor().Holders())
    for (const auto& [bit, bytes] : holder.volumes)
      if (holder.object == EVENT_OBJECT_FILE && bit == LabelOf(file)) held = std::max(held, bytes);
  EXPECT_EQ(held, kSize);
}

}  // namespace
}  // namespace tensorwarden
