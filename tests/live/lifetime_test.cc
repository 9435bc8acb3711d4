// Beginnings that fail, and ends that leave nothing behind.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/live/live.h"

namespace tensorwarden {
namespace {

using ::testing::HasSubstr;

// Runs `body` in a process of its own; what it returned.
std::string InChild(const std::function<std::string()>& body) {
  int ends[2];
  if (pipe(ends) != 0) return "pipe failed";
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string text = body();
    [[maybe_unused]] const ssize_t ignored = write(ends[1], text.data(), text.size());
    _exit(0);
  }
  close(ends[1]);
  UniqueFd from(ends[0]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(from.get(), buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<size_t>(n));
  waitpid(pid, nullptr, 0);
  return text;
}

std::string WhyNoSensor() {
  const absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create({});
  return sensor.ok() ? "it works" : std::string(sensor.status().message());
}

bool OwnMounts() { return unshare(CLONE_NEWNS) == 0 && mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0; }

// Ids of the programs and links that this process has descriptors of.
struct KernelIds {
  std::vector<uint32_t> programs;
  std::vector<uint32_t> links;
};

KernelIds OwnIds() {
  KernelIds ids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream info(entry.path());
    uint32_t program = 0;
    uint32_t link = 0;
    for (std::string key; info >> key;) {
      if (key == "prog_id:") info >> program;
      if (key == "link_id:") info >> link;
    }
    if (link != 0)
      ids.links.push_back(link);
    else if (program != 0)
      ids.programs.push_back(program);
  }
  return ids;
}

bool AllGone(const KernelIds& ids) {
  for (const uint32_t id : ids.programs)
    if (UniqueFd fd(bpf_prog_get_fd_by_id(id)); fd) return false;
  for (const uint32_t id : ids.links)
    if (UniqueFd fd(bpf_link_get_fd_by_id(id)); fd) return false;
  return true;
}

// The kernel frees after a grace period: there is nothing to wait on but the ids themselves.
bool WaitUntilGone(const KernelIds& ids) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!AllGone(ids)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class LifetimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string why = InChild(WhyNoSensor);
    if (why != "it works") GTEST_SKIP() << why;
  }
};

TEST_F(LifetimeTest, MissingBtfIsNamedWithItsFix) {
  const std::string why = InChild([] {
    if (!OwnMounts() || mount("none", "/sys/kernel/btf", "tmpfs", 0, nullptr) != 0) return std::string("no mount");
    return WhyNoSensor();
  });
  EXPECT_EQ(why, "kernel BTF: /sys/kernel/btf/vmlinux is missing: use a kernel with CONFIG_DEBUG_INFO_BTF=y");
}

TEST_F(LifetimeTest, MissingTracefsIsNamedWithItsFix) {
  const std::string why = InChild([] {
    if (!OwnMounts()) return std::string("no mount");
    mount("none", "/sys/kernel/tracing", "tmpfs", 0, nullptr);
    mount("none", "/sys/kernel/debug", "tmpfs", 0, nullptr);
    return WhyNoSensor();
  });
  EXPECT_EQ(why, "tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing");
}

TEST_F(LifetimeTest, MissingCapabilityIsNamedWithItsFix) {
  const std::string why = InChild([] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct none[2]{};
    syscall(SYS_capset, &header, none);
    return WhyNoSensor();
  });
  EXPECT_THAT(why, HasSubstr("CAP_BPF is missing: run as root or with CAP_BPF, CAP_PERFMON"));
  EXPECT_EQ(why.find('\n'), std::string::npos);
}

TEST_F(LifetimeTest, NothingStaysAfterTheSensorIsDestroyed) {
  absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create({});
  ASSERT_TRUE(sensor.ok()) << sensor.status();
  ASSERT_TRUE((*sensor)->Escalate().ok());
  const KernelIds ids = OwnIds();
  EXPECT_GT(ids.programs.size(), 10u);
  EXPECT_GT(ids.links.size(), 10u);
  sensor->reset();
  EXPECT_TRUE(WaitUntilGone(ids));
}

TEST_F(LifetimeTest, NothingStaysAfterKill) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create({});
    const KernelIds ids = OwnIds();
    const uint32_t counts[2] = {static_cast<uint32_t>(ids.programs.size()), static_cast<uint32_t>(ids.links.size())};
    [[maybe_unused]] ssize_t n = write(ends[1], counts, sizeof(counts));
    n = write(ends[1], ids.programs.data(), counts[0] * sizeof(uint32_t));
    n = write(ends[1], ids.links.data(), counts[1] * sizeof(uint32_t));
    for (;;) pause();
  }
  uint32_t counts[2] = {0, 0};
  ASSERT_EQ(read(ends[0], counts, sizeof(counts)), static_cast<ssize_t>(sizeof(counts)));
  KernelIds ids{.programs = std::vector<uint32_t>(counts[0]), .links = std::vector<uint32_t>(counts[1])};
  const auto receive = [&](std::vector<uint32_t>& into) {
    return read(ends[0], into.data(), into.size() * sizeof(uint32_t));
  };
  EXPECT_GT(receive(ids.programs), 0);
  EXPECT_GT(receive(ids.links), 0);
  EXPECT_FALSE(AllGone(ids));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_TRUE(WaitUntilGone(ids));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(LifetimeTest, CheckTellsEveryRowAndWhyARowIsMissing) {
  const absl::StatusOr<SensorCheck> check = CheckSensor({});
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_FALSE(check->kernel.empty());
  for (const ProbeRow& row : check->probes) {
    if (row.state == "missing") {
      EXPECT_FALSE(row.why.empty()) << row.group;
    } else {
      EXPECT_FALSE(row.program.empty()) << row.group;
    }
  }
  for (const Capability& capability : check->capabilities)
    EXPECT_EQ(capability.present, capability.why.empty()) << capability.name;
}

// The tier that serves reads when all may; "" none.
std::string BestReadTier() {
  const absl::StatusOr<SensorCheck> check = CheckSensor({});
  EXPECT_TRUE(check.ok()) << check.status();
  if (!check.ok()) return "";
  for (const ProbeRow& row : check->probes)
    if (row.group == "file_read" && !row.program.empty()) return row.tier;
  return "";
}

TEST_F(LifetimeTest, TierLimitLeavesTheBetterTiersOut) {
  const bool has_read_tracepoint = BestReadTier() == "data path";  // before 6.12 only functions show reads
  for (const char* tier : {"data_path", "syscall"}) {
    SensorConfig config;
    config.tier = tier;
    const absl::StatusOr<SensorCheck> check = CheckSensor(config);
    ASSERT_TRUE(check.ok()) << check.status();
    for (const ProbeRow& row : check->probes) {
      if (!row.program.empty()) {
        EXPECT_NE(row.tier, "object") << row.group;
      }
      if (row.group == "file_read") {
        EXPECT_EQ(!row.program.empty(), has_read_tracepoint && std::string(tier) == "data_path") << tier;
      }
    }
  }
}

}  // namespace
}  // namespace tensorwarden
