// Labels on their way, and bytes that leave.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>

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

// How many bytes are charged when a model goes through `channel`, and how many of it were sent.
class LiveRelayTest : public LiveFlowTest {
 protected:
  // `hops`: connections that it crosses, to the relay and from it.
  void Relay(const std::string& channel, uint64_t slice, uint64_t hops = 1) {
    const std::string path = MakeFile("model", kSize);
    const FileKey file = Watch(path);
    Trigger receiver({"receive_tcp", "127.0.0.1", "18445"});
    ASSERT_EQ(receiver.Line(), "listening");
    Trigger relay({"relay", channel, std::to_string(slice), path, std::to_string(kSize), "127.0.0.1", "18445"});
    ASSERT_EQ(relay.Line(), "read");
    ASSERT_TRUE(sensor().Escalate().ok());
    EXPECT_EQ(relay.Finish(), 0);
    EXPECT_EQ(receiver.Line(), std::to_string(kSize));
    WaitForExit(relay.pid());
    const uint64_t charged = ChargedBytes(LabelOf(file));
    EXPECT_GE(charged, hops * kSize - kSize / 50) << channel << " by " << slice;
    EXPECT_LE(charged, hops * kSize) << channel << " by " << slice;
  }
};

TEST_F(LiveRelayTest, PipeInOneWrite) { Relay("pipe", kSize); }
TEST_F(LiveRelayTest, PipeInSlices) { Relay("pipe", 8192); }
TEST_F(LiveRelayTest, PipeOfACarrierThatReadsOn) { Relay("heir", kSize); }
TEST_F(LiveRelayTest, FifoInOneWrite) { Relay("fifo", kSize); }
TEST_F(LiveRelayTest, UnixSocketInOneSend) { Relay("unix", kSize); }
TEST_F(LiveRelayTest, UnixSocketInSlices) { Relay("unix", 65536); }
TEST_F(LiveRelayTest, UnixSocketOfACarrierThatConnects) { Relay("named", kSize); }
TEST_F(LiveRelayTest, LoopbackTcpInOneSend) { Relay("tcp", kSize, 2); }
TEST_F(LiveRelayTest, LoopbackTcpInSlices) { Relay("tcp", 8192, 2); }
TEST_F(LiveRelayTest, LoopbackTcpOfACarrierThatConnects) { Relay("late-tcp", kSize, 2); }

// A server answers its clients: they hold what an answer is not.
class LiveAnswerTest : public LiveFlowTest {
 protected:
  // Volume that a client gets from a server that holds a model and answers `answers` questions with `bytes` each.
  uint64_t ClientVolume(int answers, uint64_t bytes) {
    const std::string path = MakeFile("model", kSize);
    const FileKey file = Watch(path);
    EXPECT_TRUE(sensor().SetServingPort(18448, true, "").ok());
    Trigger server({"answer", "18448", path, std::to_string(answers), std::to_string(bytes)});
    EXPECT_EQ(server.Line(), "asked");
    const std::string client = server.Line();
    EXPECT_EQ(server.Finish(), 0);
    WaitForExit(server.pid());
    EXPECT_TRUE(sensor().SetServingPort(18448, false, "").ok());
    uint64_t volume = 0;
    for (const Event& event : events_) {
      const auto* move = std::get_if<LabelMove>(&event.body);
      if (move != nullptr && std::to_string(event.origin.process.tgid) == client && !move->target &&
          (move->labels >> LabelOf(file) & 1) != 0)
        volume = std::max(volume, move->volume);
    }
    return volume;
  }
};

TEST_F(LiveAnswerTest, AnswersMakeNoCarrier) { EXPECT_EQ(ClientVolume(200, 20000), 0u); }
TEST_F(LiveAnswerTest, AFileIsNoAnswer) { EXPECT_GE(ClientVolume(1, kSize), kSize / 4); }

class LiveSupervisorTest : public LiveFlowTest {
 protected:
  // Bytes charged to a process that only read its child's log and status lines.
  uint64_t Supervise(const std::string& channel, uint64_t log_bytes, uint64_t lines) {
    const std::string path = MakeFile("model-" + channel, kSize);
    const FileKey file = Watch(path);
    Trigger receiver({"receive_tcp", "127.0.0.1", "18446"});
    EXPECT_EQ(receiver.Line(), "listening");
    Trigger supervisor({"supervise", channel, path, std::to_string(kSize), std::to_string(log_bytes),
                        std::to_string(lines), "127.0.0.1", "18446"});
    EXPECT_EQ(supervisor.Line(), "read");
    EXPECT_TRUE(sensor().Escalate().ok());
    EXPECT_EQ(supervisor.Finish(), 0);
    EXPECT_EQ(receiver.Line(), std::to_string(8 << 20));
    WaitForExit(supervisor.pid());
    return ChargedBytes(LabelOf(file));
  }
};

TEST_F(LiveSupervisorTest, StatusLinesMakeNoCarrier) {
  EXPECT_EQ(Supervise("pipe", 0, 5), 0u);
  EXPECT_EQ(Supervise("unix", 0, 5), 0u);
}

TEST_F(LiveSupervisorTest, ManyLinesAreChargedAsManyBytes) {
  EXPECT_EQ(Supervise("pipe", 0, 100), 10000u);
  EXPECT_EQ(Supervise("unix", 0, 100), 10000u);
}

TEST_F(LiveSupervisorTest, LogFromBeforeTheReadIsNotCharged) {
  constexpr uint64_t kUnderWay = 512 << 10;  // the head, and what the channel held when the child had read all
  for (const char* channel : {"pipe", "unix"}) {
    const uint64_t charged = Supervise(channel, kSize, 100);
    EXPECT_GE(charged, 10000u) << channel;
    EXPECT_LE(charged, 10000u + kUnderWay) << channel;
  }
}

TEST_F(LiveFlowTest, OtherBytesFirstDoNotHideACopy) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger copy({"pad_copy", path, Path("copy"), std::to_string(2 * kSize)});
  EXPECT_EQ(copy.Finish(), 0);
  WaitForExit(copy.pid());
  uint64_t held = 0;
  for (const LabelHolder& holder : sensor().Holders())
    for (const auto& [bit, bytes] : holder.volumes)
      if (holder.object == EVENT_OBJECT_FILE && bit == LabelOf(file)) held = std::max(held, bytes);
  EXPECT_GE(held, kSize - kSize / 50);
  EXPECT_LE(held, kSize);
}

// While the hooks at the listed calls are put in place, the first hook counts; then they do.
TEST_F(LiveFlowTest, SecondStageCountsEachByteOnce) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  WaitForRest();
  ASSERT_TRUE(sensor().Escalate().ok());
  ASSERT_NE(WaitForBody<ProbeState>([](const Event&, const ProbeState& body) {
              return body.group == "syscalls" && body.chosen == "syscall_exit_listed";
            }),
            nullptr);
  Trigger relay({"pipe_relay", path, std::to_string(kSent)});
  EXPECT_EQ(relay.Finish(), 0);
  const LabelMove* move = WaitForRelay(LabelOf(file), EVENT_OBJECT_PIPE, relay.pid());
  ASSERT_NE(move, nullptr);
  EXPECT_LE(move->volume, kSent);
}

TEST_F(LiveFlowTest, EscalationEndsWithItsReason) {
  ASSERT_TRUE(sensor().Escalate().ok());
  WaitForRest();
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
  EXPECT_FALSE(egress->stack.empty()) << "the call that sent";
  EXPECT_EQ(egress->socket.direction, EVENT_DIRECTION_OUT);
  EXPECT_FALSE(egress->serving);
}

// Probes count a send when it returns: until then the socket's own count tells.
TEST_F(LiveFlowTest, OneSendOfAllIsToldWhileItRuns) {
  constexpr uint64_t kBig = 64 << 20;
  const std::string path = MakeFile("model", kBig);
  const FileKey file = Watch(path);
  Trigger receiver({"receive_tcp", "127.0.0.1", "18449", std::to_string(kBig / 4)});
  ASSERT_EQ(receiver.Line(), "listening");
  Trigger sender({"send_once", "127.0.0.1", "18449", path});
  ASSERT_EQ(sender.Line(), "read");
  ReadOnce(100);
  sender.Step();
  ASSERT_EQ(receiver.Line(), "halfway");
  ReadOnce(100);
  const uint64_t charged = ChargedBytes(LabelOf(file));
  EXPECT_GE(charged, kBig / 8);
  EXPECT_LT(charged, kBig);
  receiver.Step();
  EXPECT_EQ(receiver.Line(), std::to_string(kBig));
  EXPECT_EQ(sender.Finish(), 0);
  WaitForExit(sender.pid());
  EXPECT_EQ(ChargedBytes(LabelOf(file)), kBig);
}

TEST_F(LiveFlowTest, UdpBytesAreExactAndNameTheirPeer) {
  Network network;
  if (!network.ok()) GTEST_SKIP() << "no network namespace can be made here (ip netns, veth)";
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  ASSERT_TRUE(sensor().Escalate().ok());  // the destinations of unconnected datagrams are noted from then on
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
  ASSERT_TRUE(sensor().SetServingPort(18444, true, "").ok());
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
  EXPECT_TRUE(sensor().SetServingPort(18444, false, "").ok());
}

}  // namespace
}  // namespace tensorwarden
