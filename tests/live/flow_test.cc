// Labels on their way, and bytes that leave.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "bpf/abi/config.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kSize = 4 << 20;
constexpr uint64_t kSent = 1'000'000;

class LiveFlowTest : public LiveTest {
 protected:
  // A label reached a process other than `first`, out of an object of this kind.
  const LabelMove* WaitForRelay(uint32_t label, uint32_t source_object, pid_t first) {
    return WaitForBody<LabelMove>([&](const Event& event, const LabelMove& body) {
      return (body.labels >> label & 1) != 0 && body.source_object == source_object && !body.target &&
             event.origin.process.tgid != static_cast<uint32_t>(first);
    });
  }
};

TEST_F(LiveFlowTest, DerivedFileCarriesTheLabelOn) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger copy({"copy_file", path, Path("copy")});
  EXPECT_EQ(copy.Finish(), 0);
  Trigger reader({"read_file", Path("copy"), "0", "1048576"});
  EXPECT_EQ(reader.Finish(), 0);
  const LabelMove* move = WaitForRelay(LabelOf(file), EVENT_OBJECT_FILE, copy.pid());
  ASSERT_NE(move, nullptr);
  EXPECT_LE(move->volume, 1u << 20);
}

TEST_F(LiveFlowTest, PipeCarriesTheLabelOn) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger relay({"pipe_relay", path, std::to_string(kSent)});
  ASSERT_EQ(relay.Line(), "read");
  ASSERT_NE(WaitForBody<LabelMove>([&](const Event& event, const LabelMove& body) {
              return event.origin.process.tgid == static_cast<uint32_t>(relay.pid()) && body.source == file;
            }),
            nullptr);
  ASSERT_TRUE(sensor().Escalate().ok());
  EXPECT_TRUE(sensor().Escalated());
  EXPECT_EQ(relay.Finish(), 0);
  EXPECT_NE(WaitForRelay(LabelOf(file), EVENT_OBJECT_PIPE, relay.pid()), nullptr);
}

TEST_F(LiveFlowTest, UnixSocketCarriesTheLabelOn) {
  for (const char* type : {"stream", "datagram", "packet"}) {
    const std::string path = MakeFile(type, kSize);
    const FileKey file = Watch(path);
    Trigger relay({"unix_relay", path, std::to_string(kSent), type});
    EXPECT_EQ(relay.Finish(), 0);
    EXPECT_NE(WaitForRelay(LabelOf(file), EVENT_OBJECT_UNIX, relay.pid()), nullptr) << type;
  }
}

TEST_F(LiveFlowTest, EscalationEndsWithItsReason) {
  ASSERT_TRUE(sensor().Escalate().ok());
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (sensor().Escalated() && std::chrono::steady_clock::now() < deadline) {
    ReadOnce(100);
    sensor().Tick();
  }
  EXPECT_FALSE(sensor().Escalated());
  for (const LabelHolder& holder : sensor().Holders())
    EXPECT_FALSE(holder.process) << "still a carrier: " << holder.process.tgid << ", labels " << holder.labels;
  EXPECT_NE(WaitForBody<ProbeState>(
                [](const Event&, const ProbeState& body) { return body.group == "syscalls" && body.chosen.empty(); }),
            nullptr);
}

TEST_F(LiveFlowTest, TcpBytesAreExact) {
  Network network;
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger receiver({"receive_tcp", network.address(), "18440"}, network.name());
  ASSERT_EQ(receiver.Line(), "listening");
  Trigger sender({"send_tcp", network.address(), "18440", path, std::to_string(kSent)});
  EXPECT_EQ(sender.Finish(), 0);
  const std::string received = receiver.Line();
  WaitForExit(sender.pid());
  EXPECT_EQ(received, std::to_string(kSent));
  EXPECT_EQ(std::to_string(ChargedBytes(LabelOf(file))), received);
  const auto* egress =
      WaitForBody<Egress>([&](const Event&, const Egress& body) { return body.label == LabelOf(file); });
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->socket.peer_address, network.address());
  EXPECT_EQ(egress->socket.peer_port, 18440);
  EXPECT_EQ(egress->socket.direction, EVENT_DIRECTION_OUT);
  EXPECT_FALSE(egress->serving);
}

TEST_F(LiveFlowTest, UdpBytesAreExactAndNameTheirPeer) {
  Network network;
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger sender({"send_udp", network.address(), "18441", path, "100000"});
  EXPECT_EQ(sender.Finish(), 0);
  WaitForExit(sender.pid());
  EXPECT_EQ(ChargedBytes(LabelOf(file)), 100000u);
  const auto* egress =
      WaitForBody<Egress>([&](const Event&, const Egress& body) { return body.label == LabelOf(file); });
  ASSERT_NE(egress, nullptr);
  EXPECT_EQ(egress->socket.peer_address, network.address());
  EXPECT_EQ(egress->socket.peer_port, 18441);
}

TEST_F(LiveFlowTest, ChargeEndsAtTheCarriersVolume) {
  Network network;
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger receiver({"receive_tcp", network.address(), "18442"}, network.name());
  ASSERT_EQ(receiver.Line(), "listening");
  Trigger sender({"send_tcp", network.address(), "18442", path, "65536"});
  EXPECT_EQ(sender.Finish(), 0);
  WaitForExit(sender.pid());
  EXPECT_LE(ChargedBytes(LabelOf(file)), 65536u);
}

TEST_F(LiveFlowTest, UnthrottledUploadIsToldBeforeHalfOfIt) {
  Network network;
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  struct sysinfo host {};
  sysinfo(&host);
  const bool is_small = uint64_t{host.totalram} * host.mem_unit < uint64_t{6} << 30;
  const uint64_t size = is_small ? uint64_t{256} << 20 : uint64_t{2} << 30;
  const std::string path = MakeFile("model", 0);
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(size)), 0);
  const FileKey file = Watch(path);
  Trigger receiver({"receive_tcp", network.address(), "18443"}, network.name());
  ASSERT_EQ(receiver.Line(), "listening");
  Trigger sender({"sendfile_tcp", network.address(), "18443", path});
  const auto* egress = WaitForBody<Egress>(
      [&](const Event&, const Egress& body) { return body.label == LabelOf(file) && body.bytes >= size / 100; });
  ASSERT_NE(egress, nullptr);
  EXPECT_LT(ChargedBytes(LabelOf(file)), size / 2) << "of " << size;
  EXPECT_EQ(sender.Finish(), 0);
}

TEST_F(LiveFlowTest, RequestHeadOnAServingPortIsCaptured) {
  ASSERT_TRUE(sensor().SetServingPort(18444, true).ok());
  Trigger server({"receive_tcp", "127.0.0.1", "18444"});
  ASSERT_EQ(server.Line(), "listening");
  Trigger client({"http_get", "127.0.0.1", "18444"});
  EXPECT_EQ(client.Finish(), 0);
  const auto* segment = WaitForBody<HttpSegment>(
      [](const Event&, const HttpSegment& body) { return body.socket.local_port == 18444 && !body.payload.empty(); });
  ASSERT_NE(segment, nullptr);
  const std::string text(segment->payload.begin(), segment->payload.end());
  EXPECT_TRUE(text.starts_with("GET /v1/models HTTP/1.1\r\n")) << text;
  EXPECT_EQ(segment->socket.peer_address, "127.0.0.1");
  EXPECT_TRUE(sensor().SetServingPort(18444, false).ok());
}

}  // namespace
}  // namespace tensorwarden
