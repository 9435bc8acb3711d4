// Bytes that leave by other ways than an IP connection, and those that a call still sends.
#include <gtest/gtest.h>
#include <stdlib.h>
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

TEST_F(LiveEgressTest, FramesOfItsOwnMakingAreCharged) {
  for (const ProbeRow& probe : sensor().Probes())
    if (probe.group == "socket_send" && probe.program != "socket_send")
      GTEST_SKIP() << "before 6.12 only sends of IP and unix sockets show";
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger sender({"send_family", "packet", path, std::to_string(kCopied), "-"});
  EXPECT_EQ(sender.Finish(), 0);
  WaitForExit(sender.pid());
  EXPECT_EQ(ChargedBytes(LabelOf(file)), kCopied);
  const Egress* egress = WaitForEgress(file);
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->socket.peer_address, "packet");
}

TEST_F(LiveEgressTest, RawPacketsAreChargedWithoutADestination) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger sender({"send_family", "raw", path, std::to_string(kCopied), "127.0.0.1"});
  EXPECT_EQ(sender.Finish(), 0);
  WaitForExit(sender.pid());
  EXPECT_EQ(ChargedBytes(LabelOf(file)), kCopied);
  const Egress* egress = WaitForEgress(file);
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->socket.peer_address, "0.0.0.0");
  EXPECT_EQ(egress->socket.peer_port, 0);
}

// Its addresses say that it stays: whether it does is the question.
TEST_F(LiveEgressTest, BytesThatAreSteeredElsewhereLeave) {
  for (const char* way : {"plain", "route", "freebind"}) {
    const std::string path = MakeFile(way, kSize);
    const FileKey file = Watch(path);
    Trigger sender({"send_steered", way, path, "100000"});
    if (sender.Line() != "sent") continue;  // no IPv6, or no source routes
    EXPECT_EQ(sender.Finish(), 0);
    WaitForExit(sender.pid());
    const Egress* egress = WaitForEgress(file);
    ASSERT_NE(egress, nullptr) << way;
    EXPECT_EQ(egress->socket.leaves, way != std::string("plain")) << way;
  }
}

TEST_F(LiveEgressTest, ASocketThatSendsFromSharedMemoryMayHaveSentAll) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger sender({"send_family", "xdp", path, std::to_string(kCopied), "-"});
  if (sender.Line() != "sent") GTEST_SKIP() << "no AF_XDP here";
  ReadOnce(100);
  EXPECT_GE(ChargedBytes(LabelOf(file)), kCopied);
  const Egress* egress = WaitForEgress(file);
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->socket.peer_address, "xdp");
  EXPECT_EQ(sender.Finish(), 0);
}

TEST_F(LiveEgressTest, AFileOnADiskThatIsCarriedAwayIsOne) {
  const char* stick = getenv("TENSORWARDEN_LIVE_PORTABLE");
  if (stick == nullptr) GTEST_SKIP() << "TENSORWARDEN_LIVE_PORTABLE names no folder on a removable disk";
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger copy({"copy_file", path, std::string(stick) + "/copy"});
  EXPECT_EQ(copy.Finish(), 0);
  WaitForExit(copy.pid());
  EXPECT_EQ(ChargedBytes(LabelOf(file)), kSize);
  const Egress* egress = WaitForEgress(file);
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->socket.family, EVENT_FAMILY_MOUNT);
  EXPECT_EQ(egress->socket.protocol, EVENT_PLACE_PORTABLE);
}

TEST_F(LiveEgressTest, ASocketThatTwoProcessesHaveIsChargedOnce) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger receiver({"receive_tcp", "127.0.0.1", "18452"});
  ASSERT_EQ(receiver.Line(), "listening");
  Trigger sender({"send_shared", "127.0.0.1", "18452", path, std::to_string(kCopied)});
  ASSERT_EQ(sender.Line(), "connected");
  ReadOnce(100);
  sender.Step();
  ASSERT_EQ(sender.Line(), "sent");
  ReadOnce(100);
  ReadOnce(100);
  EXPECT_EQ(ChargedBytes(LabelOf(file)), kCopied);
  EXPECT_EQ(sender.Finish(), 0);
}

class LiveLocalTest : public LiveEgressTest {
 protected:
  // The volume that a process gets by what another one sends it between two addresses of this host.
  uint64_t Handed(const std::string& kind, const std::string& from, const std::string& to, uint64_t bytes) {
    const std::string path = MakeFile(kind + from + to, kSize);
    const FileKey file = Watch(path);
    Trigger relay({"local_relay", kind, from, to, "18451", path, std::to_string(bytes)});
    EXPECT_EQ(relay.Line(), "read");
    EXPECT_TRUE(sensor().Escalate().ok());
    EXPECT_EQ(relay.Finish(), 0);
    WaitForExit(relay.pid());
    uint64_t volume = 0;
    for (const Event& event : events_) {
      const auto* move = std::get_if<LabelMove>(&event.body);
      if (move != nullptr && move->source_object == EVENT_OBJECT_LOCAL && !move->target &&
          (move->labels >> LabelOf(file) & 1) != 0)
        volume = std::max(volume, move->volume);
    }
    return volume;
  }
};

// Volumes are told each time they have doubled.
TEST_F(LiveLocalTest, TcpBetweenLoopbackAddresses) {
  EXPECT_GE(Handed("tcp", "127.0.0.1", "127.0.0.1", kCopied), kCopied / 2);
  EXPECT_GE(Handed("tcp", "::1", "::1", kCopied), kCopied / 2);
}

TEST_F(LiveLocalTest, TcpToTheHostsOwnAddress) {
  Network network;  // gives this host an address beside loopback
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  const std::string own = network.address().substr(0, network.address().size() - 1) + "1";
  EXPECT_GE(Handed("tcp", own, own, kCopied), kCopied / 2);
  EXPECT_GE(Handed("tcp", "127.0.0.1", own, kCopied), kCopied / 2) << "two addresses of one host";
}

TEST_F(LiveLocalTest, UdpBetweenLoopbackAddresses) {
  constexpr uint64_t kFew = 40'000;  // what a receiver's buffer holds
  // A volume below 64 KiB is told once, when it makes a carrier.
  EXPECT_GT(Handed("udp", "127.0.0.1", "127.0.0.1", kFew), 0u);
  EXPECT_GT(Handed("udp", "::1", "::1", kFew), 0u);
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
