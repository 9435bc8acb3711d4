// Members of the event structs by the names that scripted events give them: those of the structs, `class` for klass.
//
// Members(visitor, value) calls visitor(name, member) for each, or visitor(name, member, form) where the text is more
// than a number.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <span>
#include <string_view>

#include "agent/enrich/kinds.h"
#include "agent/event/event.h"
#include "bpf/abi/event.h"

namespace tensorwarden::author {

// A number that also has names: by its value, or, of flags, each with its bits.
struct NamedNumber {
  const char* name;
  uint64_t value;
};
struct Choice {
  std::span<const char* const> names;        // by value, "" none
  std::span<const NamedNumber> others = {};  // of values that do not follow each other
};
struct Flags {  // "O_RDWR|O_CREAT"
  std::span<const NamedNumber> names;
};
struct Octal {};       // 644
struct Bytes {};       // 12, 1GiB
struct Fraction {};    // 0.5, 50%
struct ValueOfField {  // one of the values that this field has
  std::string_view field;
};
struct Labels {};    // bits: names of assets
struct Label {};     // one bit's number: name of an asset
struct Duration {};  // nanoseconds: 5s

inline constexpr const char* kObjectNames[] = {"",       "process",  "file",  "pipe",  "unix",
                                               "memory", "terminal", "local", "device"};
inline constexpr const char* kDirectionNames[] = {"unknown", "out", "in"};
inline constexpr const char* kDeviceTypes[] = {"character", "block"};
inline constexpr const char* kDeviceAccess[] = {"", "mknod", "read", "", "write", "", "read_write"};
inline constexpr NamedNumber kProtocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}};
inline constexpr NamedNumber kFamilies[] = {
    {"inet", AF_INET}, {"inet6", AF_INET6}, {"unix", AF_UNIX}, {"mount", EVENT_FAMILY_MOUNT}};
inline constexpr NamedNumber kRecordTypes[] = {{"A", 1},     {"NS", 2},     {"CNAME", 5}, {"PTR", 12},
                                               {"MX", 15},   {"TXT", 16},   {"AAAA", 28}, {"SRV", 33},
                                               {"NULL", 10}, {"HTTPS", 65}, {"ANY", 255}};
extern const std::span<const NamedNumber> kOpenFlags;

template <class V>
void Members(V& v, SocketTuple& e) {
  v("local_address", e.local_address);
  v("peer_address", e.peer_address);
  v("local_port", e.local_port);
  v("peer_port", e.peer_port);
  v("family", e.family, Choice{{}, kFamilies});
  v("protocol", e.protocol, Choice{{}, kProtocols});
  v("direction", e.direction, Choice{kDirectionNames});
  v("net_ns", e.net_ns);
  v("leaves", e.leaves);
}

template <class V>
void Members(V& v, ProcessFork& e) {
  v("child", e.child);
}

template <class V>
void Members(V& v, ProcessExec& e) {
  v("parent", e.parent);
  v("exe", e.exe);
  v("uid", e.uid);
  v("gid", e.gid);
  v("login_uid", e.login_uid);
  v("mnt_ns", e.mnt_ns);
  v("pid_ns", e.pid_ns);
  v("comm", e.comm);
  v("path", e.path);
  v("cwd", e.cwd);
  v("args", e.args);
  v("cgroup", e.cgroup);
}

template <class V>
void Members(V& v, ProcessExit& e) {
  v("exit_code", e.exit_code);
}

template <class V>
void Members(V& v, FileRead& e) {
  v("file", e.file);
  v("labels", e.labels, Labels{});
  v("first_page", e.first_page);
  v("last_page", e.last_page);
  v("bytes", e.bytes, Bytes{});
  v("covered_bytes", e.covered_bytes, Bytes{});
  v("access", e.access, Choice{OperationNames(kKindIndex<FileRead>)});
}

template <class V>
void Members(V& v, FileChange& e) {
  v("file", e.file);
  v("labels", e.labels, Labels{});
  v("offset", e.offset, Bytes{});
  v("length", e.length, Bytes{});
  v("bytes", e.bytes, Bytes{});
  v("change", e.change, Choice{OperationNames(kKindIndex<FileChange>)});
  v("stack", e.stack);
}

template <class V>
void Members(V& v, FileOpen& e) {
  v("file", e.file);
  v("open_flags", e.open_flags, Flags{kOpenFlags});
  v("mode", e.mode, Octal{});
  v("created", e.created);
  v("path", e.path);
}

template <class V>
void Members(V& v, FileName& e) {
  v("file", e.file);
  v("replaced", e.replaced);
  v("op", e.op, Choice{OperationNames(kKindIndex<FileName>)});
  v("path", e.path);
  v("old_path", e.old_path);
}

template <class V>
void Members(V& v, LabelMove& e) {
  v("source", e.source);
  v("target", e.target);
  v("source_process", e.source_process);
  v("labels", e.labels, Labels{});
  v("volume", e.volume, Bytes{});
  v("source_object", e.source_object, Choice{kObjectNames});
  v("target_object", e.target_object, Choice{kObjectNames});
}

template <class V>
void Members(V& v, Egress& e) {
  v("socket", e.socket);
  v("cookie", e.cookie);
  v("bytes", e.bytes, Bytes{});
  v("delta", e.delta, Bytes{});
  v("volume", e.volume, Bytes{});
  v("label", e.label, Label{});
  v("serving", e.serving);
  v("stack", e.stack);
}

template <class V>
void Members(V& v, SocketState& e) {
  v("socket", e.socket);
  v("cookie", e.cookie);
  v("bytes_sent", e.bytes_sent, Bytes{});
  v("bytes_received", e.bytes_received, Bytes{});
  v("op", e.op, Choice{OperationNames(kKindIndex<SocketState>)});
}

template <class V>
void Members(V& v, DeviceOpen& e) {
  v("major", e.major);
  v("minor", e.minor);
  v("access", e.access, Choice{kDeviceAccess});
  v("type", e.type, Choice{kDeviceTypes});
}

template <class V>
void Members(V& v, GpuCall& e) {
  v("major", e.major);
  v("minor", e.minor);
  v("request", e.request);
  v("result", e.result);
  v("status", e.status);
  v("driver", e.driver);
  v("call", e.call);
  v("subject", e.subject);
  v("use", e.use);
  v("bytes", e.bytes, Bytes{});
  v("client", e.client);
  v("other", e.other);
  v("target", e.target);
  v("altered", e.altered);
}

template <class V>
void Members(V& v, HttpRequest& e) {
  v("socket", e.socket);
  v("cookie", e.cookie);
  v("method", e.method);
  v("path", e.path);
  v("client", e.client);
  v("user_agent_hash", e.user_agent_hash);
  v("prefix_hash", e.prefix_hash);
  v("body_hash", e.body_hash);
  v("content_length", e.content_length, Bytes{});
}

template <class V>
void Members(V& v, AgentStart& e) {
  v("version", e.version);
  v("hostname", e.hostname);
  v("boot_id", e.boot_id);
  v("realtime_offset_ns", e.realtime_offset_ns);
  v("config_digest", e.config_digest);
  v("rules_digest", e.rules_digest);
}

template <class V>
void Members(V& v, ProcessSnapshot& e) {
  Members(v, e.exec);
}

template <class V>
void Members(V& v, AssetHeld& e) {
  v("file", e.file);
  v("mapped", e.mapped);
  v("bytes", e.bytes, Bytes{});
}

template <class V>
void Members(V& v, Listener& e) {
  v("socket", e.socket);
}

template <class V>
void Members(V& v, AssetFound& e) {
  v("file", e.file);
  v("path", e.path);
  v("name", e.name);
  v("class", e.klass);
  v("format", e.format);
  v("found_by", e.found_by, ValueOfField{"asset.found_by"});
  v("size", e.size, Bytes{});
  v("mtime_ns", e.mtime_ns);
  v("owner_uid", e.owner_uid);
  v("label", e.label);
}

template <class V>
void Members(V& v, AssetGone& e) {
  v("file", e.file);
}

template <class V>
void Members(V& v, LabelHolder& e) {
  v("process", e.process);
  v("file", e.file);
  v("object", e.object, Choice{kObjectNames});
  v("size", e.size, Bytes{});
  v("labels", e.labels, Labels{});
  v("volumes", e.volumes);
}

template <class V>
void Members(V& v, StateRestored& e) {
  v("holders", e.holders);
  v("blind_ns", e.blind_ns, Duration{});
  v("detector_state", e.detector_state);
  v("rule_state", e.rule_state);
  v("new_boot", e.new_boot);
}

template <class V>
void Members(V& v, HostChange& e) {
  v("target", e.target);
  v("op", e.op, Choice{OperationNames(kKindIndex<HostChange>)});
  v("value", e.value);
  v("former", e.former);
  v("name", e.name);
  v("detail", e.detail);
}

template <class V>
void Members(V& v, AccountName& e) {
  v("id", e.id);
  v("name", e.name);
}

template <class V>
void Members(V& v, AccountNames& e) {
  v("users", e.users);
  v("groups", e.groups);
}

template <class V>
void Members(V& v, RuleReload& e) {
  v("ok", e.ok);
  v("digest", e.digest);
  v("rules", e.rules);
  v("changed", e.changed);
  v("error", e.error);
}

template <class V>
void Members(V& v, DnsQuery& e) {
  v("socket", e.socket);
  v("cookie", e.cookie);
  v("name", e.name);
  v("type", e.type, Choice{{}, kRecordTypes});
  v("malformed", e.malformed);
}

template <class V>
void Members(V& v, LossSample& e) {
  v("kind", e.kind);
  v("produced", e.produced);
  v("ring_full", e.ring_full);
  v("map_full", e.map_full);
  v("read_failed", e.read_failed);
  v("top", e.top);
  v("top_lost", e.top_lost);
  v("ring_full_by_cpu", e.ring_full_by_cpu);
}

template <class V>
void Members(V& v, ProbeState& e) {
  v("group", e.group);
  v("chosen", e.chosen);
  v("why", e.why);
}

template <class V>
void Members(V& v, ClockTick& e) {
  v("realtime_offset_ns", e.realtime_offset_ns);
}

template <class V>
void Members(V& v, Finding& e) {
  v("kind", e.kind, ValueOfField{"finding.kind"});
  v("what", e.what, ValueOfField{"finding.what"});
  v("key", e.key);
  v("stage", e.stage);
  v("process", e.process);
  v("file", e.file);
  v("client", e.client);
  v("destination", e.destination);
  v("destination_port", e.destination_port);
  v("destination_class", e.destination_class, ValueOfField{"finding.dest.class"});
  v("value", e.value);
  v("threshold", e.threshold);
  v("unit", e.unit, ValueOfField{"finding.unit"});
  v("share", e.share, Fraction{});
  v("score", e.score, Fraction{});
  v("evidence", e.evidence);
}

}  // namespace tensorwarden::author
