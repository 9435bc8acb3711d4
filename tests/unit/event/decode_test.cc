#include "agent/event/decode.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <functional>

#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename Wire>
Wire MakeWire(uint16_t kind) {
  Wire wire{};
  wire.hdr.size = sizeof(Wire);
  wire.hdr.kind = kind;
  wire.hdr.flags = EVENT_F_OBJECT_TIER;
  wire.hdr.ktime_ns = 1'000'000'007;
  wire.hdr.cgroup_id = 77;
  wire.hdr.tgid = 4242;
  wire.hdr.tid = 4243;
  wire.hdr.start_ns = 999;
  return wire;
}

template <typename Wire>
std::vector<std::byte> Bytes(const Wire& wire, size_t size = sizeof(Wire)) {
  std::vector<std::byte> bytes(size);
  std::memcpy(bytes.data(), &wire, std::min(size, sizeof(wire)));
  return bytes;
}

template <typename Wire>
Event DecodeOk(const Wire& wire) {
  absl::StatusOr<Event> event = DecodeEvent(Bytes(wire, wire.hdr.size));
  EXPECT_TRUE(event.ok()) << event.status();
  return event.value_or(Event{});
}

template <size_t N>
void Put(char (&field)[N], std::string_view text) {
  std::memcpy(field, text.data(), std::min(N, text.size()));
}

event_sock_tuple Tcp4(const char* local, uint16_t local_port, const char* peer, uint16_t peer_port) {
  event_sock_tuple sock{};
  inet_pton(AF_INET, local, sock.local);
  inet_pton(AF_INET, peer, sock.peer);
  sock.local_port = local_port;
  sock.peer_port = peer_port;
  sock.family = AF_INET;
  sock.protocol = IPPROTO_TCP;
  sock.direction = EVENT_DIRECTION_OUT;
  sock.net_ns = 4026531840;
  return sock;
}

TEST(DecodeTest, HeaderBecomesTheOrigin) {
  const Event event = DecodeOk(MakeWire<process_exit_event>(EVENT_KIND_PROCESS_EXIT));
  EXPECT_EQ(event.seq, 0u);
  EXPECT_EQ(event.origin.ktime_ns, 1'000'000'007u);
  EXPECT_EQ(event.origin.cgroup_id, 77u);
  EXPECT_EQ(event.origin.process, (ProcessKey{4242, 999}));
  EXPECT_EQ(event.origin.tid, 4243u);
  EXPECT_EQ(event.origin.flags, EVENT_F_OBJECT_TIER);
}

TEST(DecodeTest, ForkCarriesTheChild) {
  auto wire = MakeWire<process_fork_event>(EVENT_KIND_PROCESS_FORK);
  wire.child = {.start_ns = 5, .tgid = 6, .pad = 0};
  EXPECT_EQ(std::get<ProcessFork>(DecodeOk(wire).body).child, (ProcessKey{6, 5}));
}

TEST(DecodeTest, ExecCarriesWhoWhatAndWhere) {
  auto wire = MakeWire<process_exec_event>(EVENT_KIND_PROCESS_EXEC);
  wire.parent = {.start_ns = 1, .tgid = 2, .pad = 0};
  wire.exe = {.dev = 3, .ino = 4, .generation = 5, .pad = 0};
  wire.uid = 1000;
  wire.loginuid = 0xffffffff;
  wire.mnt_ns = 11;
  Put(wire.comm, "0123456789abcdefXX");
  Put(wire.path, "/usr/bin/curl");
  Put(wire.cwd, "/root");
  const std::string_view args("curl\0-T\0\0m.bin\0", 15);
  Put(wire.args, args);
  wire.args_len = args.size();
  const auto exec = std::get<ProcessExec>(DecodeOk(wire).body);
  EXPECT_EQ(exec.parent, (ProcessKey{2, 1}));
  EXPECT_EQ(exec.exe, (FileKey{3, 4, 5}));
  EXPECT_EQ(exec.uid, 1000u);
  EXPECT_EQ(exec.login_uid, 0xffffffffu);
  EXPECT_EQ(exec.mnt_ns, 11u);
  EXPECT_EQ(exec.comm, "0123456789abcdef") << "a comm without NUL ends at its field";
  EXPECT_EQ(exec.path, "/usr/bin/curl");
  EXPECT_EQ(exec.cwd, "/root");
  EXPECT_THAT(exec.args, ElementsAre("curl", "-T", "", "m.bin"));
}

TEST(DecodeTest, CutOffLastArgumentIsKept) {
  auto wire = MakeWire<process_exec_event>(EVENT_KIND_PROCESS_EXEC);
  Put(wire.args, std::string_view("a\0bcd", 5));
  wire.args_len = 5;
  EXPECT_THAT(std::get<ProcessExec>(DecodeOk(wire).body).args, ElementsAre("a", "bcd"));
}

TEST(DecodeTest, StaleBytesBehindAStringAndALengthAreNotRead) {
  auto wire = MakeWire<process_exec_event>(EVENT_KIND_PROCESS_EXEC);
  std::memset(wire.path, 'S', sizeof(wire.path));
  Put(wire.path, std::string_view("/x\0", 3));
  std::memset(wire.args, 'S', sizeof(wire.args));
  wire.args_len = 0;
  const auto exec = std::get<ProcessExec>(DecodeOk(wire).body);
  EXPECT_EQ(exec.path, "/x");
  EXPECT_THAT(exec.args, IsEmpty());
}

TEST(DecodeTest, ReadCarriesPagesAndCoverage) {
  auto wire = MakeWire<file_read_event>(EVENT_KIND_FILE_READ);
  wire.file = {.dev = 0xfe00000, .ino = 12, .generation = 13, .pad = 0};
  wire.labels = 1ull << 63;
  wire.first_page = 7;
  wire.last_page = 9;
  wire.bytes = 12288;
  wire.covered_bytes = 4096;
  wire.access = EVENT_ACCESS_FAULT;
  const auto read = std::get<FileRead>(DecodeOk(wire).body);
  EXPECT_EQ(read.file, (FileKey{0xfe00000, 12, 13}));
  EXPECT_EQ(read.labels, 1ull << 63);
  EXPECT_EQ(read.first_page, 7u);
  EXPECT_EQ(read.last_page, 9u);
  EXPECT_EQ(read.bytes, 12288u);
  EXPECT_EQ(read.covered_bytes, 4096u);
  EXPECT_EQ(read.access, static_cast<uint32_t>(EVENT_ACCESS_FAULT));
}

TEST(DecodeTest, ChangeCarriesItsRange) {
  auto wire = MakeWire<file_change_event>(EVENT_KIND_FILE_CHANGE);
  wire.offset = 8192;
  wire.length = 100;
  wire.bytes = 300;
  wire.change = EVENT_CHANGE_TRUNCATE;
  wire.stack = {.count = 1000, .pad = 0, .address = {7, 8, 9}};
  const auto change = std::get<FileChange>(DecodeOk(wire).body);
  EXPECT_THAT(change.stack, ElementsAre(7, 8, 9)) << "a forged count reads nothing outside, and a zero ends it";
  EXPECT_EQ(change.offset, 8192u);
  EXPECT_EQ(change.length, 100u);
  EXPECT_EQ(change.bytes, 300u);
  EXPECT_EQ(change.change, static_cast<uint32_t>(EVENT_CHANGE_TRUNCATE));
}

TEST(DecodeTest, OpenEndsWithItsPath) {
  auto wire = MakeWire<file_open_event>(EVENT_KIND_FILE_OPEN);
  Put(wire.path, "/etc/passwdSTALE");
  wire.path_len = 11;
  wire.created = 1;
  wire.hdr.size = offsetof(file_open_event, path) + 12;
  const auto open = std::get<FileOpen>(DecodeOk(wire).body);
  EXPECT_EQ(open.path, "/etc/passwd");
  EXPECT_TRUE(open.created);
}

TEST(DecodeTest, LabelMoveNamesBothEnds) {
  auto wire = MakeWire<label_event>(EVENT_KIND_LABEL);
  wire.source = {.dev = 1, .ino = 2, .generation = 3, .pad = 0};
  wire.target = {.dev = 4, .ino = 5, .generation = 6, .pad = 0};
  wire.source_process = {.start_ns = 8, .tgid = 7, .pad = 0};
  wire.labels = 6;
  wire.volume = 1000;
  wire.source_object = EVENT_OBJECT_FILE;
  wire.target_object = EVENT_OBJECT_PIPE;
  const auto move = std::get<LabelMove>(DecodeOk(wire).body);
  EXPECT_EQ(move.source, (FileKey{1, 2, 3}));
  EXPECT_EQ(move.target, (FileKey{4, 5, 6}));
  EXPECT_EQ(move.source_process, (ProcessKey{7, 8}));
  EXPECT_EQ(move.labels, 6u);
  EXPECT_EQ(move.volume, 1000u);
  EXPECT_EQ(move.target_object, static_cast<uint32_t>(EVENT_OBJECT_PIPE));
}

TEST(DecodeTest, EgressCarriesAddressesAsText) {
  auto wire = MakeWire<egress_event>(EVENT_KIND_EGRESS);
  wire.sock = Tcp4("10.0.0.1", 40000, "203.0.113.9", 443);
  wire.cookie = 99;
  wire.bytes = 5;
  wire.delta = 4;
  wire.volume = 3;
  wire.label = 63;
  wire.serving = 1;
  const auto egress = std::get<Egress>(DecodeOk(wire).body);
  EXPECT_EQ(egress.socket.local_address, "10.0.0.1");
  EXPECT_EQ(egress.socket.peer_address, "203.0.113.9");
  EXPECT_EQ(egress.socket.local_port, 40000);
  EXPECT_EQ(egress.socket.peer_port, 443);
  EXPECT_EQ(egress.socket.direction, EVENT_DIRECTION_OUT);
  EXPECT_EQ(egress.socket.net_ns, 4026531840u);
  EXPECT_EQ(egress.cookie, 99u);
  EXPECT_EQ(egress.label, 63u);
  EXPECT_TRUE(egress.serving);
}

struct AddressCase {
  const char* name;
  int family;
  const char* wire;
  const char* want;
};

class DecodeAddressTest : public ::testing::TestWithParam<AddressCase> {};

TEST_P(DecodeAddressTest, PeerReadsAs) {
  auto wire = MakeWire<socket_event>(EVENT_KIND_SOCKET);
  wire.sock.family = GetParam().family;
  inet_pton(GetParam().family == AF_INET ? AF_INET : AF_INET6, GetParam().wire, wire.sock.peer);
  EXPECT_EQ(std::get<SocketState>(DecodeOk(wire).body).socket.peer_address, GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Families, DecodeAddressTest,
                         ::testing::ValuesIn(std::vector<AddressCase>{
                             {"V4", AF_INET, "127.0.0.1", "127.0.0.1"},
                             {"V6", AF_INET6, "fe80::1", "fe80::1"},
                             {"MappedV4ReadsAsV4", AF_INET6, "::ffff:192.0.2.1", "192.0.2.1"},
                             {"UnixHasNoAddress", AF_UNIX, "::1", ""},
                             {"PacketSaysSo", AF_PACKET, "::", "packet"},
                             {"VsockHasContextAndPort", AF_VSOCK, "200:0:8813::", "vsock:2:5000"},
                             {"FamilyThatNobodyKnows", 200, "::", "family:200"},
                             {"FileSystemHasADevice", EVENT_FAMILY_MOUNT, "2d00:1000::", "device 1:45"},
                         }),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(DecodeTest, SocketCarriesItsCounters) {
  auto wire = MakeWire<socket_event>(EVENT_KIND_SOCKET);
  wire.bytes_sent = 1;
  wire.bytes_received = 2;
  wire.op = EVENT_SOCK_CLOSE;
  const auto state = std::get<SocketState>(DecodeOk(wire).body);
  EXPECT_EQ(state.bytes_sent, 1u);
  EXPECT_EQ(state.bytes_received, 2u);
  EXPECT_EQ(state.op, static_cast<uint32_t>(EVENT_SOCK_CLOSE));
}

TEST(DecodeTest, HostChangeCarriesItsFigures) {
  auto wire = MakeWire<host_event>(EVENT_KIND_HOST);
  wire.target = {.start_ns = 5, .tgid = 4, .pad = 0};
  wire.op = EVENT_HOST_SET_UID;
  wire.value = 0;
  wire.former = 1000;
  memset(wire.name, 'x', sizeof(wire.name));
  const auto change = std::get<HostChange>(DecodeOk(wire).body);
  EXPECT_EQ(change.target, (ProcessKey{4, 5}));
  EXPECT_EQ(change.op, uint32_t{EVENT_HOST_SET_UID});
  EXPECT_EQ(change.value, 0u);
  EXPECT_EQ(change.former, 1000u);
  EXPECT_EQ(change.name, std::string(sizeof(wire.name), 'x'));
}

TEST(DecodeTest, DnsCarriesTheQuestionAndNotTheMessage) {
  auto wire = MakeWire<dns_event>(EVENT_KIND_DNS);
  wire.sock = Tcp4("192.0.2.1", 40000, "192.0.2.53", 53);
  wire.cookie = 8;
  constexpr char kMessage[] = "\0\x17\x12\x34\1\0\0\1\0\0\0\0\0\0\5Thief\0\0\x10\0";
  wire.captured_len = sizeof(kMessage);
  std::memcpy(wire.payload, kMessage, sizeof(kMessage) - 1);
  wire.payload[sizeof(kMessage) - 1] = 1;
  auto query = std::get<DnsQuery>(DecodeOk(wire).body);
  EXPECT_EQ(query.socket.peer_address, "192.0.2.53");
  EXPECT_EQ(query.cookie, 8u);
  EXPECT_EQ(query.name, "thief");
  EXPECT_EQ(query.type, 16);
  EXPECT_FALSE(query.malformed);
  wire.captured_len = 1;
  query = std::get<DnsQuery>(DecodeOk(wire).body);
  EXPECT_EQ(query.name, "");
  EXPECT_TRUE(query.malformed);
}

TEST(DecodeTest, DeviceOpenCarriesItsNumbers) {
  auto wire = MakeWire<device_open_event>(EVENT_KIND_DEVICE_OPEN);
  wire.major = 195;
  wire.minor = 255;
  const auto open = std::get<DeviceOpen>(DecodeOk(wire).body);
  EXPECT_EQ(open.major, 195u);
  EXPECT_EQ(open.minor, 255u);
}

TEST(DecodeTest, HttpSegmentEndsWithItsPayload) {
  auto wire = MakeWire<http_segment_event>(EVENT_KIND_HTTP_SEGMENT);
  std::memcpy(wire.payload, "GETstale", 8);
  wire.payload_len = 1400;
  wire.captured_len = 3;
  wire.seq = 0xfffffff0;
  wire.tcp_flags = 0x18;
  wire.hdr.size = offsetof(http_segment_event, payload) + 3;
  const auto segment = std::get<HttpSegment>(DecodeOk(wire).body);
  EXPECT_THAT(segment.payload, ElementsAre('G', 'E', 'T'));
  EXPECT_EQ(segment.payload_len, 1400u);
  EXPECT_EQ(segment.seq, 0xfffffff0u);
  EXPECT_EQ(segment.tcp_flags, 0x18);
}

TEST(DecodeTest, CandidateCarriesItsName) {
  auto wire = MakeWire<file_candidate_event>(EVENT_KIND_FILE_CANDIDATE);
  wire.size = 1 << 30;
  Put(wire.name, "model.safetensors");
  const auto candidate = std::get<FileCandidate>(DecodeOk(wire).body);
  EXPECT_EQ(candidate.size, 1u << 30);
  EXPECT_EQ(candidate.name, "model.safetensors");
}

TEST(DecodeTest, NameHintTellsWhoseNameAndWhatWasAsked) {
  auto wire = MakeWire<name_hint_event>(EVENT_KIND_NAME_HINT);
  wire.inode = {.dev = 1, .ino = 9, .generation = 3, .pad = 0};
  wire.directory = 1;
  wire.op = EVENT_NAME_RENAME;
  const auto hint = std::get<NameHint>(DecodeOk(wire).body);
  EXPECT_EQ(hint.inode, (FileKey{1, 9, 3}));
  EXPECT_TRUE(hint.directory);
  EXPECT_EQ(hint.op, EVENT_NAME_RENAME);
}

// --- hostile records ---

struct FixedCase {
  const char* name;
  uint16_t kind;
  size_t want;  // bytes of the fixed part
};

class DecodeShortRecordTest : public ::testing::TestWithParam<FixedCase> {
 protected:
  static absl::Status DecodeSize(size_t size) {
    std::vector<std::byte> record(size);
    event_header header{};
    header.size = size;
    header.kind = GetParam().kind;
    std::memcpy(record.data(), &header, std::min(size, sizeof(header)));
    return DecodeEvent(record).status();
  }
};

TEST_P(DecodeShortRecordTest, OneByteShortIsDataLossThatNamesTheKind) {
  const absl::Status status = DecodeSize(GetParam().want - 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("want " + std::to_string(GetParam().want)));
}

TEST_P(DecodeShortRecordTest, EveryShorterSizeIsDataLoss) {
  for (size_t size = 0; size < GetParam().want; ++size)
    ASSERT_EQ(DecodeSize(size).code(), absl::StatusCode::kDataLoss) << size;
}

TEST_P(DecodeShortRecordTest, ExactAndLongerSizesDecode) {
  EXPECT_EQ(DecodeSize(GetParam().want), absl::OkStatus());
  EXPECT_EQ(DecodeSize(GetParam().want + 8), absl::OkStatus());
}

INSTANTIATE_TEST_SUITE_P(Kinds, DecodeShortRecordTest,
                         ::testing::ValuesIn(std::vector<FixedCase>{
                             {"Fork", EVENT_KIND_PROCESS_FORK, sizeof(process_fork_event)},
                             {"Exec", EVENT_KIND_PROCESS_EXEC, sizeof(process_exec_event)},
                             {"Exit", EVENT_KIND_PROCESS_EXIT, sizeof(process_exit_event)},
                             {"Read", EVENT_KIND_FILE_READ, sizeof(file_read_event)},
                             {"Change", EVENT_KIND_FILE_CHANGE, sizeof(file_change_event)},
                             {"Open", EVENT_KIND_FILE_OPEN, offsetof(file_open_event, path)},
                             {"Label", EVENT_KIND_LABEL, sizeof(label_event)},
                             {"Egress", EVENT_KIND_EGRESS, sizeof(egress_event)},
                             {"Socket", EVENT_KIND_SOCKET, sizeof(socket_event)},
                             {"Device", EVENT_KIND_DEVICE_OPEN, sizeof(device_open_event)},
                             {"Host", EVENT_KIND_HOST, sizeof(host_event)},
                             {"Dns", EVENT_KIND_DNS, offsetof(dns_event, payload)},
                             {"Http", EVENT_KIND_HTTP_SEGMENT, offsetof(http_segment_event, payload)},
                             {"Candidate", EVENT_KIND_FILE_CANDIDATE, sizeof(file_candidate_event)},
                             {"NameHint", EVENT_KIND_NAME_HINT, sizeof(name_hint_event)},
                         }),
                         [](const auto& info) { return std::string(info.param.name); });

struct HostileCase {
  const char* name;
  std::function<std::vector<std::byte>()> record;
  absl::StatusCode code;
  const char* message;
};

class DecodeHostileRecordTest : public ::testing::TestWithParam<HostileCase> {};

TEST_P(DecodeHostileRecordTest, IsAnError) {
  const absl::Status status = DecodeEvent(GetParam().record()).status();
  EXPECT_EQ(status.code(), GetParam().code);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

template <typename Wire>
std::vector<std::byte> Mangle(uint16_t kind, const std::function<void(Wire&)>& mangle) {
  auto wire = MakeWire<Wire>(kind);
  mangle(wire);
  return Bytes(wire);
}

INSTANTIATE_TEST_SUITE_P(
    Lies, DecodeHostileRecordTest,
    ::testing::ValuesIn(std::vector<HostileCase>{
        {"Empty", [] { return std::vector<std::byte>(); }, absl::StatusCode::kDataLoss, "want 40"},
        {"SizeAboveTheRecord",
         [] {
           return Mangle<process_exit_event>(EVENT_KIND_PROCESS_EXIT, [](auto& w) { w.hdr.size = sizeof(w) + 1; });
         },
         absl::StatusCode::kDataLoss, "says 49 bytes, has 48"},
        {"SizeBelowTheHeader",
         [] { return Mangle<process_exit_event>(EVENT_KIND_PROCESS_EXIT, [](auto& w) { w.hdr.size = 39; }); },
         absl::StatusCode::kDataLoss, "says 39"},
        {"SizeBelowTheKind",
         [] { return Mangle<process_exit_event>(EVENT_KIND_PROCESS_EXIT, [](auto& w) { w.hdr.size = 40; }); },
         absl::StatusCode::kDataLoss, "want 48"},
        {"KindZero", [] { return Mangle<process_exit_event>(0, [](auto&) {}); }, absl::StatusCode::kUnimplemented,
         "kind 0"},
        {"KindFromTheFuture", [] { return Mangle<process_exit_event>(999, [](auto&) {}); },
         absl::StatusCode::kUnimplemented, "kind 999"},
        {"ArgsLengthOutside",
         [] { return Mangle<process_exec_event>(EVENT_KIND_PROCESS_EXEC, [](auto& w) { w.args_len = 1025; }); },
         absl::StatusCode::kDataLoss, "args_len 1025"},
        {"PathLengthAboveTheRecord",
         [] {
           return Mangle<file_open_event>(EVENT_KIND_FILE_OPEN, [](auto& w) {
             w.hdr.size = offsetof(file_open_event, path) + 4;
             w.path_len = 5;
           });
         },
         absl::StatusCode::kDataLoss, "path_len 5, 4 bytes follow"},
        {"PathLengthAboveTheField",
         [] { return Mangle<file_open_event>(EVENT_KIND_FILE_OPEN, [](auto& w) { w.path_len = 0xffffffff; }); },
         absl::StatusCode::kDataLoss, "path_len 4294967295"},
        {"PayloadAboveTheRecord",
         [] {
           return Mangle<http_segment_event>(EVENT_KIND_HTTP_SEGMENT, [](auto& w) {
             w.hdr.size = offsetof(http_segment_event, payload) + 1;
             w.payload_len = w.captured_len = 2;
           });
         },
         absl::StatusCode::kDataLoss, "captured_len 2"},
        {"PayloadAboveTheSegment",
         [] {
           return Mangle<http_segment_event>(EVENT_KIND_HTTP_SEGMENT, [](auto& w) {
             w.payload_len = 9;
             w.captured_len = 10;
           });
         },
         absl::StatusCode::kDataLoss, "captured_len 10"},
        {"MessageAboveTheField",
         [] { return Mangle<dns_event>(EVENT_KIND_DNS, [](auto& w) { w.captured_len = EVENT_DNS_MAX + 1; }); },
         absl::StatusCode::kDataLoss, "captured_len 513, 512 bytes follow"},
        {"LabelOutside", [] { return Mangle<egress_event>(EVENT_KIND_EGRESS, [](auto& w) { w.label = 64; }); },
         absl::StatusCode::kDataLoss, "label 64"},
    }),
    [](const auto& info) { return std::string(info.param.name); });

TEST(DecodeTest, UnalignedRecordDecodes) {
  const std::vector<std::byte> aligned = Bytes(MakeWire<process_exit_event>(EVENT_KIND_PROCESS_EXIT));
  std::vector<std::byte> shifted(aligned.size() + 1);
  std::memcpy(shifted.data() + 1, aligned.data(), aligned.size());
  EXPECT_TRUE(DecodeEvent(std::span(shifted).subspan(1)).ok());
}

}  // namespace
}  // namespace tensorwarden
