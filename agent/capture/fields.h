// How each event struct is laid out in captures: its fields, in order, for cereal.
//
// Rules that keep old captures readable: fields are only appended; a struct that grows gets a kNewestVersion one
// higher, and reads the new field only `if (version >= N)`. A struct's version is written once per event. Keys
// (ProcessKey, FileKey) are unversioned and never change.
//
// Input is hostile. cereal's own string and vector loaders resize to whatever length they read; here a length is
// compared first with what is left of the input. A bool is read as a byte, since any value but 0 and 1 in a bool is
// undefined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "agent/capture/archive.h"
#include "agent/event/event.h"

namespace tensorwarden {

template <class Archive>
constexpr bool kLoading = Archive::kLoads;

template <class T>
constexpr uint32_t kNewestVersion = 0;
template <>
inline constexpr uint32_t kNewestVersion<FileChange> = 1;
template <>
inline constexpr uint32_t kNewestVersion<SocketTuple> = 1;
template <>
inline constexpr uint32_t kNewestVersion<Egress> = 1;
template <>
inline constexpr uint32_t kNewestVersion<StateRestored> = 1;
template <>
inline constexpr uint32_t kNewestVersion<LossSample> = 1;

template <class T, class... Others>
consteval size_t IndexIn() {
  size_t index = 0;
  (void)((std::is_same_v<T, Others> || (++index, false)) || ...);
  return index;
}
template <class T, class... Bodies>
consteval size_t StructIndex(std::variant<Bodies...>*) {
  return IndexIn<T, Bodies..., Event, Origin, SocketTuple, LabelHolder, StackFrame, HeldDescriptor, HeldMapping,
                 AccountName>();
}

inline constexpr size_t kStructs = kEventKindCount + 8;
static_assert(kStructs <= 64, "archives keep a bit for each");

// The version that the input has, or the output gets.
template <class Archive, class Struct>
uint32_t Version(Archive& ar, const Struct&) {
  constexpr size_t kIndex = StructIndex<Struct>(static_cast<EventBody*>(nullptr));
  static_assert(kIndex < kStructs, "the struct is not in the list above");
  return ar.template Version<kIndex>(kNewestVersion<Struct>);
}

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
template <>
inline constexpr size_t kMinBytes<AccountName> = 8;

template <class Archive>
uint32_t Count(Archive& ar, size_t count, size_t min_bytes) {
  uint32_t stored = static_cast<uint32_t>(count);
  ar(stored);
  if constexpr (kLoading<Archive>) {
    if (stored > ar.Remaining() / min_bytes) {
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
  if constexpr (kLoading<Archive>) {
    value.resize(size);
    ar.Read(value.data(), size);
  } else {
    ar.Write(value.data(), size);
  }
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

template <class Archive>
void serialize(Archive& ar, ProcessKey& v) {
  Fields(ar, v, v.tgid, v.start_ns);
}

template <class Archive>
void serialize(Archive& ar, FileKey& v) {
  Fields(ar, v, v.dev, v.ino, v.generation);
}

template <class Archive>
void serialize(Archive& ar, Origin& v) {
  Version(ar, v);
  Fields(ar, v, v.ktime_ns, v.cgroup_id, v.process, v.tid, v.flags);
}

template <class Archive>
void serialize(Archive& ar, SocketTuple& v) {
  const uint32_t version = Version(ar, v);
  FirstFields<1>(ar, v, v.local_address, v.peer_address, v.local_port, v.peer_port, v.family, v.protocol, v.direction,
                 v.net_ns);
  if (version >= 1) Field(ar, v.leaves);
}

template <class Archive>
void serialize(Archive& ar, ProcessFork& v) {
  Version(ar, v);
  Fields(ar, v, v.child);
}

template <class Archive>
void serialize(Archive& ar, ProcessExec& v) {
  Version(ar, v);
  Fields(ar, v, v.parent, v.exe, v.uid, v.gid, v.login_uid, v.mnt_ns, v.pid_ns, v.comm, v.path, v.cwd, v.args,
         v.cgroup);
}

template <class Archive>
void serialize(Archive& ar, ProcessExit& v) {
  Version(ar, v);
  Fields(ar, v, v.exit_code);
}

template <class Archive>
void serialize(Archive& ar, FileRead& v) {
  Version(ar, v);
  Fields(ar, v, v.file, v.labels, v.first_page, v.last_page, v.bytes, v.covered_bytes, v.access);
}

template <class Archive>
void serialize(Archive& ar, FileChange& v) {
  const uint32_t version = Version(ar, v);
  FirstFields<1>(ar, v, v.file, v.labels, v.offset, v.length, v.bytes, v.change);
  if (version >= 1) Field(ar, v.stack);
}

template <class Archive>
void serialize(Archive& ar, FileOpen& v) {
  Version(ar, v);
  Fields(ar, v, v.file, v.open_flags, v.mode, v.created, v.path);
}

template <class Archive>
void serialize(Archive& ar, FileName& v) {
  Version(ar, v);
  Fields(ar, v, v.file, v.replaced, v.op, v.path, v.old_path);
}

template <class Archive>
void serialize(Archive& ar, LabelMove& v) {
  Version(ar, v);
  Fields(ar, v, v.source, v.target, v.source_process, v.labels, v.volume, v.source_object, v.target_object);
}

template <class Archive>
void serialize(Archive& ar, Egress& v) {
  const uint32_t version = Version(ar, v);
  FirstFields<1>(ar, v, v.socket, v.cookie, v.bytes, v.delta, v.volume, v.label, v.serving);
  if (version >= 1) Field(ar, v.stack);
}

template <class Archive>
void serialize(Archive& ar, SocketState& v) {
  Version(ar, v);
  Fields(ar, v, v.socket, v.cookie, v.bytes_sent, v.bytes_received, v.op);
}

template <class Archive>
void serialize(Archive& ar, DeviceOpen& v) {
  Version(ar, v);
  Fields(ar, v, v.major, v.minor, v.access, v.type);
}

template <class Archive>
void serialize(Archive& ar, FileCandidate& v) {
  Version(ar, v);
  Fields(ar, v, v.file, v.size, v.name);
}

template <class Archive>
void serialize(Archive& ar, HostChange& v) {
  Version(ar, v);
  Fields(ar, v, v.target, v.op, v.value, v.former, v.name, v.detail);
}

template <class Archive>
void serialize(Archive& ar, DnsQuery& v) {
  Version(ar, v);
  Fields(ar, v, v.socket, v.cookie, v.name, v.type, v.malformed);
}

template <class Archive>
void serialize(Archive& ar, GpuCall& v) {
  Version(ar, v);
  Fields(ar, v, v.major, v.minor, v.request, v.result, v.status, v.driver, v.call, v.subject, v.use, v.bytes, v.client,
         v.other, v.target, v.altered);
}

template <class Archive>
void serialize(Archive& ar, RuleReload& v) {
  Version(ar, v);
  Fields(ar, v, v.ok, v.digest, v.rules, v.changed, v.error);
}

template <class Archive>
void serialize(Archive& ar, AccountName& v) {
  Version(ar, v);
  Fields(ar, v, v.id, v.name);
}

template <class Archive>
void serialize(Archive& ar, AccountNames& v) {
  Version(ar, v);
  Fields(ar, v, v.users, v.groups);
}

template <class Archive>
void serialize(Archive& ar, NameHint& v) {
  Version(ar, v);
  Fields(ar, v, v.inode, v.directory, v.op);
}

template <class Archive>
void serialize(Archive& ar, HttpSegment& v) {
  Version(ar, v);
  Fields(ar, v, v.socket, v.cookie, v.seq, v.payload_len, v.tcp_flags, v.payload);
}

template <class Archive>
void serialize(Archive& ar, HttpRequest& v) {
  Version(ar, v);
  Fields(ar, v, v.socket, v.cookie, v.method, v.path, v.client, v.user_agent_hash, v.prefix_hash, v.body_hash,
         v.content_length);
}

template <class Archive>
void serialize(Archive& ar, AgentStart& v) {
  Version(ar, v);
  Fields(ar, v, v.version, v.hostname, v.boot_id, v.realtime_offset_ns, v.config_digest, v.rules_digest);
}

template <class Archive>
void serialize(Archive& ar, ProcessSnapshot& v) {
  Version(ar, v);
  Fields(ar, v, v.exec);
}

template <class Archive>
void serialize(Archive& ar, AssetHeld& v) {
  Version(ar, v);
  Fields(ar, v, v.file, v.mapped, v.bytes);
}

template <class Archive>
void serialize(Archive& ar, Listener& v) {
  Version(ar, v);
  Fields(ar, v, v.socket);
}

template <class Archive>
void serialize(Archive& ar, AssetFound& v) {
  Version(ar, v);
  Fields(ar, v, v.file, v.path, v.name, v.klass, v.format, v.found_by, v.size, v.mtime_ns, v.owner_uid, v.label);
}

template <class Archive>
void serialize(Archive& ar, AssetGone& v) {
  Version(ar, v);
  Fields(ar, v, v.file);
}

template <class Archive>
void serialize(Archive& ar, LabelHolder& v) {
  Version(ar, v);
  Fields(ar, v, v.process, v.file, v.object, v.size, v.labels, v.volumes);
}

template <class Archive>
void serialize(Archive& ar, StateRestored& v) {
  const uint32_t version = Version(ar, v);
  FirstFields<2>(ar, v, v.holders, v.blind_ns, v.detector_state);
  if (version < 1) return;
  Field(ar, v.rule_state);
  Field(ar, v.new_boot);
}

template <class Archive>
void serialize(Archive& ar, LossSample& v) {
  const uint32_t version = Version(ar, v);
  FirstFields<3>(ar, v, v.kind, v.produced, v.ring_full, v.map_full, v.read_failed);
  if (version < 1) return;
  Field(ar, v.top);
  Field(ar, v.top_lost);
  Field(ar, v.ring_full_by_cpu);
}

template <class Archive>
void serialize(Archive& ar, ProbeState& v) {
  Version(ar, v);
  Fields(ar, v, v.group, v.chosen, v.why);
}

template <class Archive>
void serialize(Archive& ar, ClockTick& v) {
  Version(ar, v);
  Fields(ar, v, v.realtime_offset_ns);
}

template <class Archive>
void serialize(Archive& ar, Finding& v) {
  Version(ar, v);
  Fields(ar, v, v.kind, v.what, v.key, v.stage, v.process, v.file, v.client, v.destination, v.destination_port,
         v.destination_class, v.value, v.threshold, v.unit, v.share, v.score, v.evidence);
}

template <class Archive>
void serialize(Archive& ar, StackFrame& v) {
  Version(ar, v);
  Fields(ar, v, v.address, v.module, v.module_offset, v.function, v.function_offset);
}

template <class Archive>
void serialize(Archive& ar, HeldDescriptor& v) {
  Version(ar, v);
  Fields(ar, v, v.fd, v.type, v.path, v.access, v.local, v.peer);
}

template <class Archive>
void serialize(Archive& ar, HeldMapping& v) {
  Version(ar, v);
  Fields(ar, v, v.path, v.bytes);
}

template <class Archive>
void serialize(Archive& ar, Evidence& v) {
  Version(ar, v);
  Fields(ar, v, v.cause_seq, v.stack, v.descriptors, v.more_descriptors, v.mappings, v.missing);
}

// As cereal lays a variant out: the index, then the value.
template <class Archive, size_t kIndex>
void Body(Archive& ar, EventBody& body) {
  if constexpr (kIndex != 0) {
    if constexpr (kLoading<Archive>) {
      ar(body.emplace<kIndex>());
    } else {
      ar(*std::get_if<kIndex>(&body));
    }
  } else if constexpr (kLoading<Archive>) {
    body.emplace<kIndex>();
  }
}

template <class Archive, size_t... kIndexes>
void BodyAt(Archive& ar, EventBody& body, size_t index, std::index_sequence<kIndexes...>) {
  using Visit = void (*)(Archive&, EventBody&);
  static constexpr Visit kVisits[] = {Body<Archive, kIndexes>...};
  kVisits[index](ar, body);
}

template <class Archive>
void Field(Archive& ar, EventBody& body) {
  int32_t index = static_cast<int32_t>(body.index());
  ar(index);
  if (index < 0 || static_cast<size_t>(index) >= kEventKindCount) throw cereal::Exception("unknown kind of event");
  BodyAt(ar, body, static_cast<size_t>(index), std::make_index_sequence<kEventKindCount>());
}

template <class Archive>
void serialize(Archive& ar, Event& v) {
  Version(ar, v);
  Field(ar, v.seq);
  Field(ar, v.origin);
  Field(ar, v.body);
}

}  // namespace tensorwarden
