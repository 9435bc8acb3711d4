// A block device below a file system that holds assets.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "bpf/abi/config.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kSize = 4 << 20;
constexpr uint64_t kDiskBytes = 32 << 20;

std::string FirstLine(const std::string& command) {
  std::array<char, 256> line{};
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return "";
  std::string text = fgets(line.data(), line.size(), pipe) == nullptr ? "" : line.data();
  pclose(pipe);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class LiveRawTest : public LiveTest {
 protected:
  // A file system of its own on a loop device, with a model; "" where that cannot be made.
  void SetUp() override {
    LiveTest::SetUp();
    if (IsSkipped()) return;
    const std::string image = Path("disk");
    UniqueFd fd(open(image.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(ftruncate(fd.get(), kDiskBytes), 0);
    device_ = FirstLine(fmt::format("mkfs.ext4 -q {0} && losetup -f --show {0}", image));
    if (device_.empty()) GTEST_SKIP() << "no loop device with ext4 can be made here";
    mkdir(Path("mount").c_str(), 0700);
    if (mount(device_.c_str(), Path("mount").c_str(), "ext4", 0, nullptr) != 0)
      GTEST_SKIP() << "the loop device cannot be mounted";
    file_ = Watch(MakeFile("mount/model", kSize));
  }
  void TearDown() override {
    if (!device_.empty()) {
      umount2(Path("mount").c_str(), MNT_DETACH);
      FirstLine("losetup -d " + device_);
    }
    LiveTest::TearDown();
  }
  // What a process holds that read so much of the device.
  uint64_t Read(const std::string& way, uint64_t bytes) {
    Trigger reader({"read_raw", way, device_, std::to_string(bytes)});
    EXPECT_EQ(reader.Line(), "opened");
    const auto* open = WaitForBody<DeviceOpen>([&](const Event& event, const DeviceOpen& body) {
      return body.type == 1 && event.origin.process.tgid == static_cast<uint32_t>(reader.pid());
    });
    EXPECT_NE(open, nullptr);
    EXPECT_TRUE(sensor().Escalated());
    reader.Step();
    EXPECT_EQ(reader.Line(), "read");
    uint64_t volume = 0;
    for (const LabelHolder& holder : sensor().Holders())
      for (const auto& [bit, held] : holder.volumes)
        if (bit == LabelOf(file_) && holder.process.tgid == static_cast<uint32_t>(reader.pid()))
          volume = std::max(volume, held);
    EXPECT_EQ(reader.Finish(), 0);
    return volume;
  }
  std::string device_;
  FileKey file_;
};

TEST_F(LiveRawTest, WhoReadsTheDeviceHoldsTheModel) {
  EXPECT_EQ(Read("cached", kDiskBytes), kSize);
  EXPECT_EQ(Read("direct", kDiskBytes), kSize);
}

TEST_F(LiveRawTest, WhoLooksAtItsHeadHoldsNothing) {
  EXPECT_EQ(Read("cached", 512 << 10), 0u);
  EXPECT_EQ(Read("direct", 512 << 10), 0u);
}

}  // namespace
}  // namespace tensorwarden
