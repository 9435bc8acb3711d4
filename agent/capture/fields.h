// How each event struct is laid out in captures: its fields, in order, for cereal.
//
// Rules that keep old captures readable: fields are only appended; a struct that grows gets CEREAL_CLASS_VERSION one
// higher, and reads the new field only `if (version >= N)`. cereal writes a struct's version once per event. Keys
// (ProcessKey, FileKey) are unversioned and never change.
//
// Input is hostile. cereal's own string and vector loaders resize to whatever length they read; here a length is
// compared first with what is left of the input. A bool is read as a byte, since any value but 0 and 1 in a bool is
// undefined.
#pragma once

#define CEREAL_FUTURE_EXPERIMENTAL  // get_user_data, which is how loaders learn how much input is left
#include <cereal/archives/adapters.hpp>
#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/variant.hpp>
#include <streambuf>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

// Reads from bytes that it does not own.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view bytes) {
    char* begin = const_cast<char*>(bytes.data());  // streambuf's get area is not const, but never written
    setg(begin, begin, begin + bytes.size());
  }
  size_t Remaining() const { return static_cast<size_t>(egptr() - gptr()); }
};

using CaptureInput = cereal::PortableBinaryInputArchive;
using CaptureOutput = cereal::PortableBinaryOutputArchive;

template <class Archive>
constexpr bool kLoading = std::is_same_v<Archive, CaptureInput>;

// Smallest number of bytes that one T can take; a count times this cannot exceed the input.
template <class T>
constexpr size_t kMinBytes = 4;
template <>
inline constexpr size_t kMinBytes<uint8_t> = 1;
template <>
inline constexpr size_t kMinBytes<std::pair<uint32_t, uint64_t>> = 12;
template <>
inline constexpr size_t kMinBytes<LabelHolder> = 56;
template <>
inline constexpr size_t kMinBytes<uint64_t> = 8;
template <>
inline constexpr size_t kMinBytes<StackFrame> = 32;
template <>
inline constexpr size_t kMinBytes<HeldDescriptor> = 24;
template <>
inline constexpr size_t kMinBytes<HeldMapping> = 12;

template <class Archive>
uint32_t Count(Archive& ar, size_t count, size_t min_bytes) {
  uint32_t stored = static_cast<uint32_t>(count);
  ar(stored);
  if constexpr (kLoading<Archive>) {
    if (stored > cereal::get_user_data<ViewBuffer>(ar).Remaining() / min_bytes) {
      throw cereal::Exception("a length points past the end");
    }
  }
  return stored;
}

template <class Archive, class T>
void Field(Archive& ar, T& value) {
  ar(value);
}

template <class Archive>
void Field(Archive& ar, bool& value) {
  uint8_t byte = value ? 1 : 0;
  ar(byte);
  if constexpr (kLoading<Archive>) value = byte != 0;
}

template <class Archive>
void Field(Archive& ar, std::pair<uint32_t, uint64_t>& value) {
  ar(value.first, value.second);
}

template <class Archive>
void Field(Archive& ar, std::string& value) {
  const uint32_t size = Count(ar, value.size(), 1);
  if constexpr (kLoading<Archive>) value.resize(size);
  ar(cereal::binary_data(value.data(), size));
}

template <class Archive, class T>
void Field(Archive& ar, std::vector<T>& values) {
  const uint32_t count = Count(ar, values.size(), kMinBytes<T>);
  if constexpr (kLoading<Archive>) values.resize(count);
  for (T& value : values) Field(ar, value);
}

struct AnyValue {
  template <class T>
  operator T() const;  // NOLINT: declared only, to count the members of an aggregate
};

// Number of members of T: the most values that can initialise it.
template <class T, class... Values>
consteval size_t MemberCount() {
  if constexpr (requires { T{Values{}..., AnyValue{}}; }) return MemberCount<T, Values..., AnyValue>();
  return sizeof...(Values);
}

// A member that is added to a struct, but not to its line below, does not compile.
template <class Archive, class Struct, class... T>
void Fields(Archive& ar, Struct&, T&... fields) {
  static_assert(MemberCount<Struct>() == sizeof...(T), "captures must hold every member of the struct");
  (Field(ar, fields), ...);
}

// Of a struct that has grown: the members that version 0 had; the caller adds the `kLater` others by version.
template <size_t kLater, class Archive, class Struct, class... T>
void FirstFields(Archive& ar, Struct&, T&... fields) {
  static_assert(MemberCount<Struct>() == sizeof...(T) + kLater, "captures must hold every member of the struct");
  (Field(ar, fields), ...);
}

// `known`: the newest version that this program writes.
inline void CheckVersion(uint32_t version, uint32_t known) {
  if (version > known) throw cereal::Exception("written by a newer version");
}

template <class Archive>
void serialize(Archive& ar, ProcessKey& v) {
  Fields(ar, v, v.tgid, v.start_ns);
}

template <class Archive>
void serialize(Archive& ar, FileKey& v) {
  Fields(ar, v, v.dev, v.ino, v.generation);
}

template <class Archive>
void serialize(Archive& ar, Origin& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.ktime_ns, v.cgroup_id, v.process, v.tid, v.flags);
}

template <class Archive>
void serialize(Archive& ar, SocketTuple& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.local_address, v.peer_address, v.local_port, v.peer_port, v.family, v.protocol, v.direction,
         v.net_ns);
}

template <class Archive>
void serialize(Archive& ar, ProcessFork& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.child);
}

template <class Archive>
void serialize(Archive& ar, ProcessExec& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.parent, v.exe, v.uid, v.gid, v.login_uid, v.mnt_ns, v.pid_ns, v.comm, v.path, v.cwd, v.args,
         v.cgroup);
}

template <class Archive>
void serialize(Archive& ar, ProcessExit& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.exit_code);
}

template <class Archive>
void serialize(Archive& ar, FileRead& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.file, v.labels, v.first_page, v.last_page, v.bytes, v.covered_bytes, v.access);
}

template <class Archive>
void serialize(Archive& ar, FileChange& v, uint32_t version) {
  CheckVersion(version, 1);
  FirstFields<1>(ar, v, v.file, v.labels, v.offset, v.length, v.bytes, v.change);
  if (version >= 1) Field(ar, v.stack);
}

template <class Archive>
void serialize(Archive& ar, FileOpen& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.file, v.open_flags, v.mode, v.created, v.path);
}

template <class Archive>
void serialize(Archive& ar, FileName& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.file, v.replaced, v.op, v.path, v.old_path);
}

template <class Archive>
void serialize(Archive& ar, LabelMove& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.source, v.target, v.source_process, v.labels, v.volume, v.source_object, v.target_object);
}

template <class Archive>
void serialize(Archive& ar, Egress& v, uint32_t version) {
  CheckVersion(version, 1);
  FirstFields<1>(ar, v, v.socket, v.cookie, v.bytes, v.delta, v.volume, v.label, v.serving);
  if (version >= 1) Field(ar, v.stack);
}

template <class Archive>
void serialize(Archive& ar, SocketState& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.socket, v.cookie, v.bytes_sent, v.bytes_received, v.op);
}

template <class Archive>
void serialize(Archive& ar, DeviceOpen& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.major, v.minor, v.access, v.type);
}

template <class Archive>
void serialize(Archive& ar, FileCandidate& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.file, v.size, v.name);
}

template <class Archive>
void serialize(Archive& ar, HostChange& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.target, v.op, v.value, v.former, v.name, v.detail);
}

template <class Archive>
void serialize(Archive& ar, DnsQuery& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.socket, v.cookie, v.name, v.type, v.malformed);
}

template <class Archive>
void serialize(Archive& ar, NameHint& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.inode, v.directory, v.op);
}

template <class Archive>
void serialize(Archive& ar, HttpSegment& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.socket, v.cookie, v.seq, v.payload_len, v.tcp_flags, v.payload);
}

template <class Archive>
void serialize(Archive& ar, HttpRequest& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.socket, v.cookie, v.method, v.path, v.client, v.user_agent_hash, v.prefix_hash, v.body_hash,
         v.content_length);
}

template <class Archive>
void serialize(Archive& ar, AgentStart& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.version, v.hostname, v.boot_id, v.realtime_offset_ns, v.config_digest, v.rules_digest);
}

template <class Archive>
void serialize(Archive& ar, ProcessSnapshot& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.exec);
}

template <class Archive>
void serialize(Archive& ar, AssetHeld& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.file, v.mapped, v.bytes);
}

template <class Archive>
void serialize(Archive& ar, Listener& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.socket);
}

template <class Archive>
void serialize(Archive& ar, AssetFound& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.file, v.path, v.name, v.klass, v.format, v.found_by, v.size, v.mtime_ns, v.owner_uid, v.label);
}

template <class Archive>
void serialize(Archive& ar, AssetGone& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.file);
}

template <class Archive>
void serialize(Archive& ar, LabelHolder& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.process, v.file, v.object, v.size, v.labels, v.volumes);
}

template <class Archive>
void serialize(Archive& ar, StateRestored& v, uint32_t version) {
  CheckVersion(version, 1);
  FirstFields<2>(ar, v, v.holders, v.blind_ns, v.detector_state);
  if (version < 1) return;
  Field(ar, v.rule_state);
  Field(ar, v.new_boot);
}

template <class Archive>
void serialize(Archive& ar, LossSample& v, uint32_t version) {
  CheckVersion(version, 1);
  FirstFields<3>(ar, v, v.kind, v.produced, v.ring_full, v.map_full, v.read_failed);
  if (version < 1) return;
  Field(ar, v.top);
  Field(ar, v.top_lost);
  Field(ar, v.ring_full_by_cpu);
}

template <class Archive>
void serialize(Archive& ar, ProbeState& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.group, v.chosen, v.why);
}

template <class Archive>
void serialize(Archive& ar, ClockTick& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.realtime_offset_ns);
}

template <class Archive>
void serialize(Archive& ar, Finding& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.kind, v.what, v.key, v.stage, v.process, v.file, v.client, v.destination, v.destination_port,
         v.destination_class, v.value, v.threshold, v.unit, v.share, v.score, v.evidence);
}

template <class Archive>
void serialize(Archive& ar, StackFrame& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.address, v.module, v.module_offset, v.function, v.function_offset);
}

template <class Archive>
void serialize(Archive& ar, HeldDescriptor& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.fd, v.type, v.path, v.access, v.local, v.peer);
}

template <class Archive>
void serialize(Archive& ar, HeldMapping& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.path, v.bytes);
}

template <class Archive>
void serialize(Archive& ar, Evidence& v, uint32_t version) {
  CheckVersion(version, 0);
  Fields(ar, v, v.cause_seq, v.stack, v.descriptors, v.more_descriptors, v.mappings, v.missing);
}

template <class Archive>
void serialize(Archive& ar, Event& v, uint32_t version) {
  CheckVersion(version, 0);
  Field(ar, v.seq);
  Field(ar, v.origin);
  Field(ar, v.body);
}

}  // namespace tensorwarden

CEREAL_CLASS_VERSION(tensorwarden::FileChange, 1)
CEREAL_CLASS_VERSION(tensorwarden::Egress, 1)
CEREAL_CLASS_VERSION(tensorwarden::StateRestored, 1)
CEREAL_CLASS_VERSION(tensorwarden::LossSample, 1)
