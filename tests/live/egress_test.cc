// Bytes that leave by other ways than an IP connection, and those that a call still sends.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <string>

#include "bpf/abi/config.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kSize = 4 << 20;
constexpr uint64_t kCopied = 1'000'000;

class LiveEgressTest : public LiveTest {
 protected:
  const Egress* WaitForEgress(const FileKey& file) {
    return WaitForBody<Egress>([&](const Event&, const Egress& body) { return body.label == LabelOf(file); });
  }
};

TEST_F(LiveEgressTest, AFileOnFuseIsADestination) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  ASSERT_EQ(mkdir(Path("bucket").c_str(), 0700), 0);
  Trigger copy({"copy_to_fuse", path, std::to_string(kCopied), Path("bucket")});
  if (copy.Line() != "read") GTEST_SKIP() << "no /dev/fuse here";
  ASSERT_TRUE(sensor().Escalate().ok());  // kernels without the tracepoint see the calls
  copy.Step();
  ASSERT_EQ(copy.Line(), "copied");
  EXPECT_EQ(ChargedBytes(LabelOf(file)), kCopied);
  const Egress* egress = WaitForEgress(file);
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->socket.family, EVENT_FAMILY_MOUNT);
  EXPECT_EQ(egress->socket.peer_address, "bucket#secret");
  EXPECT_EQ(egress->socket.local_address, "fuse.bucketfs");
  EXPECT_EQ(copy.Finish(), 0);
}

TEST_F(LiveEgressTest, AFileOnADiskOfTheHostIsNone) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger copy({"copy_file", path, Path("copy")});
  EXPECT_EQ(copy.Finish(), 0);
  WaitForExit(copy.pid());
  EXPECT_EQ(ChargedBytes(LabelOf(file)), 0u);
}

}  // namespace
}  // namespace tensorwarden
