#include "tests/live/live.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "bpf/abi/config.h"

namespace tensorwarden {
namespace {

bool Shell(const std::string& command) { return system((command + " >/dev/null 2>&1").c_str()) == 0; }

std::vector<char*> Pointers(std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::string BesideProgram(const std::string& name) {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
  const std::string self(path, n > 0 ? static_cast<size_t>(n) : 0);
  return self.substr(0, self.rfind('/') + 1) + name;
}

std::string WorkFolder() {
  const char* wanted = getenv("TENSORWARDEN_LIVE_DIR");
  return wanted != nullptr ? wanted : "/var/tmp";
}

void MountTracefs() {
  struct statfs fs {};
  if (statfs("/sys/kernel/tracing", &fs) == 0 && fs.f_type == TRACEFS_MAGIC) return;
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  [[maybe_unused]] const int ignored = mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr);
}

Trigger::Trigger(const std::vector<std::string>& arguments, const std::string& netns) {
  std::vector<std::string> command = arguments;
  command[0] = BesideProgram("triggers/" + arguments[0]);
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) return;
  std::vector<char*> argv = Pointers(command);
  const std::string netns_path = netns.empty() ? "" : "/run/netns/" + netns;
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    // Not this program's own: a carrier's pipes are labelled, and so would be whoever reads this program's output.
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    if (!netns_path.empty()) {
      const int fd = open(netns_path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) _exit(126);
    }
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = UniqueFd(in[1]);
  from_ = UniqueFd(out[0]);
}

Trigger::~Trigger() {
  if (pid_ <= 0 || reaped_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string Trigger::Line() {
  std::string line;
  char byte = 0;
  while (read(from_.get(), &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

void Trigger::Step() { [[maybe_unused]] const ssize_t ignored = write(to_.get(), "\n", 1); }

int Trigger::Finish() {
  to_ = UniqueFd();
  int status = -1;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  return status;
}

// Names and addresses by process id, so that two runs at once do not meet.
Network::Network()
    : name_(fmt::format("tw-live-{}", getpid())),
      link_(fmt::format("twl{}", getpid() % 100000)),
      subnet_(fmt::format("10.{}.{}", 192 + (getpid() >> 8) % 60, getpid() % 256)),
      address_(subnet_ + ".2") {
  ok_ =
      Shell("ip netns add " + name_) &&
      Shell(fmt::format("ip link add {0}a type veth peer name {0}b netns {1}", link_, name_)) &&
      Shell(fmt::format("ip addr add {0}.1/30 dev {1}a && ip link set {1}a up", subnet_, link_)) &&
      Shell(fmt::format("ip -n {0} addr add {1}/30 dev {2}b && ip -n {0} link set {2}b up && ip -n {0} link set lo up",
                        name_, address_, link_));
}

// The link first: with the namespace it would go later, and the next test wants its name.
Network::~Network() { Shell(fmt::format("ip link del {}a; ip netns del {}", link_, name_)); }

std::unique_ptr<Sensor> LiveTest::sensor_;
std::string LiveTest::skip_reason_;
uint32_t LiveTest::next_label_ = 0;

void LiveTest::TearDownTestSuite() { sensor_.reset(); }

void LiveTest::SetUp() {
  if (sensor_ == nullptr && skip_reason_.empty()) {
    SensorConfig config;
    config.devices = {{.major = 5}};  // of /dev/ptmx
    config.demand = {.sockets = true, .host_changes = true};
    config.escalation_hold = absl::Seconds(1);
    if (const char* stages = getenv("TENSORWARDEN_LIVE_STAGES"); stages != nullptr)
      config.escalation_stages = std::atoi(stages);
    if (const char* tier = getenv("TENSORWARDEN_LIVE_TIER"); tier != nullptr) config.tier = tier;
    absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create(config);
    if (sensor.ok())
      sensor_ = *std::move(sensor);
    else if (absl::IsFailedPrecondition(sensor.status()))
      skip_reason_ = std::string(sensor.status().message());
    else
      FAIL() << sensor.status();
  }
  if (sensor_ == nullptr) GTEST_SKIP() << skip_reason_;
  std::string pattern = WorkFolder() + "/tensorwarden-live-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr) << pattern;
  folder_ = pattern;
  struct statfs fs {};
  ASSERT_EQ(statfs(folder_.c_str(), &fs), 0);
  const bool is_disk = fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC && fs.f_type != OVERLAYFS_SUPER_MAGIC;
  if (!is_disk && getenv("TENSORWARDEN_LIVE_ANY_FS") == nullptr)
    GTEST_SKIP() << folder_ << " is on no disk file system: set TENSORWARDEN_LIVE_DIR";
  // Earlier tests' leftovers are not this test's events.
  for (size_t n = 1; n > 0; events_.clear()) n = sensor_->Drain(65536, events_);
}

void LiveTest::TearDown() {
  for (const FileKey& file : watched_) sensor_->Unwatch(file).IgnoreError();
  if (!folder_.empty()) Shell("rm -rf " + folder_);
}

std::string LiveTest::MakeFile(const std::string& name, size_t bytes) {
  std::string path = Path(name);
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  const std::string block(65536, 'w');
  for (size_t done = 0; done < bytes; done += block.size())
    EXPECT_GT(write(fd.get(), block.data(), std::min(block.size(), bytes - done)), 0);
  EXPECT_EQ(fsync(fd.get()), 0);
  return path;
}

FileKey LiveTest::Watch(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat st {};
  EXPECT_EQ(fstat(fd.get(), &st), 0) << path;
  const absl::StatusOr<FileKey> key = sensor_->KeyOf(fd.get());
  EXPECT_TRUE(key.ok()) << key.status();
  if (!key.ok()) return {};
  const uint32_t label = next_label_++ % LABEL_COUNT;
  const auto size = static_cast<uint64_t>(st.st_size);
  const absl::Status status = sensor_->Watch(*key, label, size, size, path);
  EXPECT_TRUE(status.ok()) << status;
  watched_.push_back(*key);
  labels_.emplace_back(*key, label);
  return *key;
}

uint32_t LiveTest::LabelOf(const FileKey& file) const {
  for (const auto& [key, label] : labels_)
    if (key == file) return label;
  return LABEL_COUNT;
}

void LiveTest::ReadOnce(int timeout_ms) {
  pollfd wait{.fd = sensor_->PollFd(), .events = POLLIN, .revents = 0};
  poll(&wait, 1, timeout_ms);
  sensor_->Drain(4096, events_);
}

void LiveTest::WaitForRest() {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (sensor_->Escalated() && std::chrono::steady_clock::now() < deadline) {
    ReadOnce(100);
    sensor_->Tick();
  }
  EXPECT_FALSE(sensor_->Escalated());
}

const Event* LiveTest::WaitFor(const std::function<bool(const Event&)>& matches, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (size_t searched = 0;;) {
    for (; searched < events_.size(); ++searched)
      if (matches(events_[searched])) return &events_[searched];
    if (std::chrono::steady_clock::now() > deadline) return nullptr;
    ReadOnce(100);
  }
}

void LiveTest::WaitForExit(pid_t pid) {
  const Event* exit = WaitFor([&](const Event& event) {
    return std::holds_alternative<ProcessExit>(event.body) && event.origin.process.tgid == static_cast<uint32_t>(pid);
  });
  ASSERT_NE(exit, nullptr) << "no exit of " << pid;
}

size_t LiveTest::Count(const std::function<bool(const Event&)>& matches) const {
  return static_cast<size_t>(std::count_if(events_.begin(), events_.end(), matches));
}

uint64_t LiveTest::ChargedBytes(uint32_t label) {
  sensor_->Sample(events_);
  uint64_t bytes = 0;
  for (const Event& event : events_) {
    const auto* egress = std::get_if<Egress>(&event.body);
    if (egress != nullptr && egress->label == label) bytes += egress->delta;
  }
  return bytes;
}

}  // namespace tensorwarden

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  signal(SIGPIPE, SIG_IGN);
  tensorwarden::MountTracefs();
  return RUN_ALL_TESTS();
}
