#include "agent/event/decode.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "agent/event/dns_question.h"
#include "agent/event/gpu_call.h"
#include "agent/event/socket_text.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

using Record = std::span<const std::byte>;

// Copies the fixed part out of the record, which may be unaligned. `want` is below sizeof(Wire) for the records
// whose last member is as long as a length field says.
template <typename Wire>
absl::StatusOr<Wire> ReadWire(Record record, const char* kind, size_t want = sizeof(Wire)) {
  static_assert(std::is_trivially_copyable_v<Wire>);
  if (record.size() < want)
    return absl::DataLossError(fmt::format("{} record: {} bytes, want {}", kind, record.size(), want));
  Wire wire{};
  std::memcpy(&wire, record.data(), want);
  return wire;
}

template <size_t N>
std::string ToString(const char (&text)[N]) {
  return std::string(text, strnlen(text, N));
}

FileKey ToKey(const event_file_key& key) { return {key.dev, key.ino, key.generation}; }

ProcessKey ToKey(const event_process_key& key) { return {key.tgid, key.start_ns}; }

Origin ToOrigin(const event_header& header) {
  return {.ktime_ns = header.ktime_ns,
          .cgroup_id = header.cgroup_id,
          .process = {header.tgid, header.start_ns},
          .tid = header.tid,
          .flags = header.flags};
}

// argv as the kernel keeps it: each argument ends with NUL, the last one perhaps cut off.
std::vector<std::string> SplitArgs(std::string_view bytes) {
  std::vector<std::string> args;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    args.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return args;
}

// A zero ends the chain of frames that the kernel followed.
std::vector<uint64_t> ToStack(const event_stack& stack) {
  const auto* end = stack.address + std::min<size_t>(stack.count, std::size(stack.address));
  return {stack.address, std::find(stack.address, end, 0)};
}

absl::StatusOr<EventBody> Body(const process_fork_event& wire, Record) { return ProcessFork{ToKey(wire.child)}; }

absl::StatusOr<EventBody> Body(const process_exec_event& wire, Record) {
  if (wire.args_len > sizeof(wire.args))
    return absl::DataLossError(
        fmt::format("process_exec record: args_len {} above {}", wire.args_len, sizeof(wire.args)));
  return ProcessExec{.parent = ToKey(wire.parent),
                     .exe = ToKey(wire.exe),
                     .uid = wire.uid,
                     .gid = wire.gid,
                     .login_uid = wire.loginuid,
                     .mnt_ns = wire.mnt_ns,
                     .pid_ns = wire.pid_ns,
                     .comm = ToString(wire.comm),
                     .path = ToString(wire.path),
                     .cwd = ToString(wire.cwd),
                     .args = SplitArgs({wire.args, wire.args_len}),
                     .cgroup = ""};
}

absl::StatusOr<EventBody> Body(const process_exit_event& wire, Record) { return ProcessExit{wire.exit_code}; }

absl::StatusOr<EventBody> Body(const file_read_event& wire, Record) {
  return FileRead{.file = ToKey(wire.file),
                  .labels = wire.labels,
                  .first_page = wire.first_page,
                  .last_page = wire.last_page,
                  .bytes = wire.bytes,
                  .covered_bytes = wire.covered_bytes,
                  .access = wire.access};
}

absl::StatusOr<EventBody> Body(const file_change_event& wire, Record) {
  return FileChange{.file = ToKey(wire.file),
                    .labels = wire.labels,
                    .offset = wire.offset,
                    .length = wire.length,
                    .bytes = wire.bytes,
                    .change = wire.change,
                    .stack = ToStack(wire.stack)};
}

absl::StatusOr<EventBody> Body(const file_open_event& wire, Record record) {
  const size_t room = std::min(record.size() - offsetof(file_open_event, path), sizeof(wire.path));
  if (wire.path_len > room)
    return absl::DataLossError(fmt::format("file_open record: path_len {}, {} bytes follow", wire.path_len, room));
  const char* path = reinterpret_cast<const char*>(record.data()) + offsetof(file_open_event, path);
  return FileOpen{.file = ToKey(wire.file),
                  .open_flags = wire.open_flags,
                  .mode = wire.mode,
                  .created = wire.created != 0,
                  .path = std::string(path, strnlen(path, wire.path_len))};
}

absl::StatusOr<EventBody> Body(const label_event& wire, Record) {
  return LabelMove{.source = ToKey(wire.source),
                   .target = ToKey(wire.target),
                   .source_process = ToKey(wire.source_process),
                   .labels = wire.labels,
                   .volume = wire.volume,
                   .source_object = wire.source_object,
                   .target_object = wire.target_object};
}

absl::StatusOr<EventBody> Body(const egress_event& wire, Record) {
  if (wire.label >= 64) return absl::DataLossError(fmt::format("egress record: label {} above 63", wire.label));
  return Egress{.socket = ToTuple(wire.sock),
                .cookie = wire.cookie,
                .bytes = wire.bytes,
                .delta = wire.delta,
                .volume = wire.volume,
                .label = wire.label,
                .serving = wire.serving != 0,
                .stack = ToStack(wire.stack)};
}

absl::StatusOr<EventBody> Body(const socket_event& wire, Record) {
  return SocketState{.socket = ToTuple(wire.sock),
                     .cookie = wire.cookie,
                     .bytes_sent = wire.bytes_sent,
                     .bytes_received = wire.bytes_received,
                     .op = wire.op};
}

absl::StatusOr<EventBody> Body(const device_open_event& wire, Record) {
  return DeviceOpen{.major = wire.major, .minor = wire.minor, .access = wire.access, .type = wire.type};
}

absl::StatusOr<EventBody> Body(const http_segment_event& wire, Record record) {
  const size_t room = std::min(record.size() - offsetof(http_segment_event, payload), sizeof(wire.payload));
  if (wire.captured_len > room || wire.captured_len > wire.payload_len)
    return absl::DataLossError(fmt::format("http_segment record: captured_len {} of payload_len {}, {} bytes follow",
                                           wire.captured_len, wire.payload_len, room));
  const auto* payload = reinterpret_cast<const uint8_t*>(record.data()) + offsetof(http_segment_event, payload);
  return HttpSegment{.socket = ToTuple(wire.sock),
                     .cookie = wire.cookie,
                     .seq = wire.seq,
                     .payload_len = wire.payload_len,
                     .tcp_flags = static_cast<uint8_t>(wire.tcp_flags),
                     .payload = std::vector<uint8_t>(payload, payload + wire.captured_len)};
}

absl::StatusOr<EventBody> Body(const file_candidate_event& wire, Record) {
  return FileCandidate{.file = ToKey(wire.file), .size = wire.size, .name = ToString(wire.name)};
}

absl::StatusOr<EventBody> Body(const name_hint_event& wire, Record) {
  return NameHint{.inode = ToKey(wire.inode), .directory = wire.directory != 0, .op = wire.op};
}

absl::StatusOr<EventBody> Body(const host_event& wire, Record) {
  return HostChange{.target = ToKey(wire.target),
                    .op = wire.op,
                    .value = wire.value,
                    .former = wire.former,
                    .name = ToString(wire.name)};
}

absl::StatusOr<EventBody> Body(const dns_event& wire, Record record) {
  constexpr size_t kPrefixBytes = 2;  // of TCP: the message's length
  const size_t room = std::min(record.size() - offsetof(dns_event, payload), sizeof(wire.payload));
  if (wire.captured_len > room)
    return absl::DataLossError(fmt::format("dns record: captured_len {}, {} bytes follow", wire.captured_len, room));
  std::span<const uint8_t> message(reinterpret_cast<const uint8_t*>(record.data()) + offsetof(dns_event, payload),
                                   wire.captured_len);
  if (wire.sock.protocol == IPPROTO_TCP) message = message.subspan(std::min(kPrefixBytes, message.size()));
  DnsQuestion question = ParseDnsQuestion(message);
  return DnsQuery{.socket = ToTuple(wire.sock),
                  .cookie = wire.cookie,
                  .name = std::move(question.name),
                  .type = question.type,
                  .malformed = question.malformed};
}

absl::StatusOr<EventBody> Body(const gpu_call_event& wire, Record) {
  if (wire.before_len > sizeof(wire.before) || wire.after_len > sizeof(wire.after) ||
      wire.pointed_len > sizeof(wire.pointed))
    return absl::DataLossError(fmt::format("gpu_call record: lengths {}, {}, {}, at most {}, {}, {}", wire.before_len,
                                           wire.after_len, wire.pointed_len, sizeof(wire.before), sizeof(wire.after),
                                           sizeof(wire.pointed)));
  return DecodeGpuCall(wire);
}

template <typename Wire>
absl::StatusOr<EventBody> Decode(Record record, const char* kind, size_t want = sizeof(Wire)) {
  absl::StatusOr<Wire> wire = ReadWire<Wire>(record, kind, want);
  if (!wire.ok()) return wire.status();
  return Body(*wire, record);
}

absl::StatusOr<EventBody> DecodeBody(uint16_t kind, Record record) {
  switch (kind) {
    case EVENT_KIND_PROCESS_FORK:
      return Decode<process_fork_event>(record, "process_fork");
    case EVENT_KIND_PROCESS_EXEC:
      return Decode<process_exec_event>(record, "process_exec");
    case EVENT_KIND_PROCESS_EXIT:
      return Decode<process_exit_event>(record, "process_exit");
    case EVENT_KIND_FILE_READ:
      return Decode<file_read_event>(record, "file_read");
    case EVENT_KIND_FILE_CHANGE:
      return Decode<file_change_event>(record, "file_change");
    case EVENT_KIND_FILE_OPEN:
      return Decode<file_open_event>(record, "file_open", offsetof(file_open_event, path));
    case EVENT_KIND_LABEL:
      return Decode<label_event>(record, "label");
    case EVENT_KIND_EGRESS:
      return Decode<egress_event>(record, "egress");
    case EVENT_KIND_SOCKET:
      return Decode<socket_event>(record, "socket");
    case EVENT_KIND_DEVICE_OPEN:
      return Decode<device_open_event>(record, "device_open");
    case EVENT_KIND_HTTP_SEGMENT:
      return Decode<http_segment_event>(record, "http_segment", offsetof(http_segment_event, payload));
    case EVENT_KIND_FILE_CANDIDATE:
      return Decode<file_candidate_event>(record, "file_candidate");
    case EVENT_KIND_NAME_HINT:
      return Decode<name_hint_event>(record, "name_hint");
    case EVENT_KIND_HOST:
      return Decode<host_event>(record, "host_change");
    case EVENT_KIND_DNS:
      return Decode<dns_event>(record, "dns", offsetof(dns_event, payload));
    case EVENT_KIND_GPU_CALL:
      return Decode<gpu_call_event>(record, "gpu_call");
    default:
      return absl::UnimplementedError(fmt::format("record of unknown kind {}", kind));
  }
}

}  // namespace

absl::StatusOr<Event> DecodeEvent(std::span<const std::byte> record) {
  absl::StatusOr<event_header> header = ReadWire<event_header>(record, "event");
  if (!header.ok()) return header.status();
  if (header->size < sizeof(event_header) || header->size > record.size())
    return absl::DataLossError(fmt::format("record says {} bytes, has {}", header->size, record.size()));
  absl::StatusOr<EventBody> body = DecodeBody(header->kind, record.first(header->size));
  if (!body.ok()) return body.status();
  return Event{.seq = 0, .origin = ToOrigin(*header), .body = *std::move(body)};
}

}  // namespace tensorwarden
