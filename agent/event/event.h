// The events that the whole agent speaks: plain data, owned, no behaviour beyond comparison.
//
// Everything that the host model, the rules and the detectors know comes as one of these, numbered by the
// sequencer. A capture is a file of them, so a struct only ever grows at its end, by appending to its Fields().
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tensorwarden {

// A process. A pid alone is reused; (tgid, start time since boot) is not.
struct ProcessKey {
  uint32_t tgid = 0;
  uint64_t start_ns = 0;  // group leader, CLOCK_BOOTTIME
  auto operator<=>(const ProcessKey&) const = default;
  explicit operator bool() const { return tgid != 0; }
  template <typename H>
  friend H AbslHashValue(H h, const ProcessKey& k) {
    return H::combine(std::move(h), k.tgid, k.start_ns);
  }
};

// The inode that owns the page cache, as the kernel knows it (never from stat(2): it lies on overlayfs).
struct FileKey {
  uint64_t dev = 0;  // s_dev: major << 20 | minor
  uint64_t ino = 0;
  uint32_t generation = 0;
  auto operator<=>(const FileKey&) const = default;
  explicit operator bool() const { return ino != 0; }
  template <typename H>
  friend H AbslHashValue(H h, const FileKey& k) {
    return H::combine(std::move(h), k.dev, k.ino, k.generation);
  }
};

// Who did it, and when. tgid 0: not known (softirq), or the agent itself (ticks, scans).
struct Origin {
  uint64_t ktime_ns = 0;   // CLOCK_BOOTTIME
  uint64_t cgroup_id = 0;  // 0 = unknown
  ProcessKey process;
  uint32_t tid = 0;
  uint16_t flags = 0;  // enum event_flag of the wire
};

// One end of a socket, and the other.
struct SocketTuple {
  std::string local_address;  // textual, no port: "10.0.0.1", "fe80::1"
  std::string peer_address;
  uint16_t local_port = 0;
  uint16_t peer_port = 0;
  uint8_t family = 0;     // AF_*
  uint8_t protocol = 0;   // IPPROTO_*
  uint8_t direction = 0;  // enum event_sock_direction of the wire
  uint32_t net_ns = 0;
  bool leaves = false;  // egress: the host, though the addresses are its own
};

// --- from the kernel ---

struct ProcessFork {
  ProcessKey child;
};

struct ProcessExec {
  ProcessKey parent;
  FileKey exe;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t login_uid = 0xffffffff;  // 0xffffffff = unset
  uint32_t mnt_ns = 0;
  uint32_t pid_ns = 0;
  std::string comm;
  std::string path;
  std::string cwd;
  std::vector<std::string> args;  // secrets redacted before the sequencer
  std::string cgroup;             // path below the cgroup2 root, resolved from the id at the edge; "" unknown
};

struct ProcessExit {
  int32_t exit_code = 0;
};

struct FileRead {
  FileKey file;
  uint64_t labels = 0;
  uint64_t first_page = 0;
  uint64_t last_page = 0;
  uint64_t bytes = 0;
  uint64_t covered_bytes = 0;
  uint32_t access = 0;  // enum event_access
};

struct FileChange {
  FileKey file;
  uint64_t labels = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t bytes = 0;
  uint32_t change = 0;          // enum event_change
  std::vector<uint64_t> stack;  // return addresses of the call, innermost first; empty: not known
};

struct FileOpen {
  FileKey file;
  uint32_t open_flags = 0;
  uint32_t mode = 0;
  bool created = false;
  std::string path;
};

// A watched file, or an entry of a watched directory, got or lost a name.
struct FileName {
  FileKey file;
  FileKey replaced;
  uint32_t op = 0;       // enum event_name_op
  std::string path;      // (new) full path, "" unknown
  std::string old_path;  // rename: the former path
};

struct LabelMove {
  FileKey source;
  FileKey target;  // zero: the origin's process
  ProcessKey source_process;
  uint64_t labels = 0;
  uint64_t volume = 0;
  uint32_t source_object = 0;  // enum event_object
  uint32_t target_object = 0;
};

struct Egress {
  SocketTuple socket;
  uint64_t cookie = 0;
  uint64_t bytes = 0;
  uint64_t delta = 0;
  uint64_t volume = 0;
  uint32_t label = 0;
  bool serving = false;
  std::vector<uint64_t> stack;  // of the call that was charged; a sample of the counters has none
};

struct SocketState {
  SocketTuple socket;
  uint64_t cookie = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint32_t op = 0;  // enum event_sock_op
};

struct DeviceOpen {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t access = 0;
  uint32_t type = 0;
};

// Never enters the sequencer: the agent answers with a scan, whose result does (AssetFound).
struct FileCandidate {
  FileKey file;
  uint64_t size = 0;
  std::string name;
};

// Never enters the sequencer: the sensor answers with a look at the directory, whose result does (FileName).
struct NameHint {
  FileKey inode;  // a watched file or directory; zero: of a mount
  bool directory = false;
  uint32_t op = 0;  // enum event_name_op that was asked for; 0: not known
};

// Never enters the sequencer: the meter turns segments into HttpRequest.
struct HttpSegment {
  SocketTuple socket;
  uint64_t cookie = 0;
  uint32_t seq = 0;
  uint32_t payload_len = 0;
  uint8_t tcp_flags = 0;
  std::vector<uint8_t> payload;
};

// The host itself changed, or a process reached for another's power.
struct HostChange {
  ProcessKey target;  // zero: none
  uint32_t op = 0;    // enum event_host_op, which says what the figures are
  uint64_t value = 0;
  uint64_t former = 0;
  std::string name;    // module, BPF program, mount point
  std::string detail;  // mounts: "TYPE SOURCE"
};

// A message to port 53. The name is as it was asked, in lower case, without the last dot ("." alone: the root); bytes
// that are not printable are \DDD, and what is longer than 253 characters then loses its beginning.
struct DnsQuery {
  SocketTuple socket;  // peer = name server
  uint64_t cookie = 0;
  std::string name;        // "" when there is none, or none that can be read
  uint16_t type = 0;       // of the record asked for; 0: unknown
  bool malformed = false;  // no query with just one question
};

// An ioctl on an accelerator's node, decoded. Names are the driver's own.
struct GpuCall {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t request = 0;  // as given to ioctl(2)
  int64_t result = 0;    // of ioctl(2): negative errno
  uint32_t status = 0;   // the driver's own, where it has one: NV_STATUS
  std::string driver;    // nvidia, nvidia-uvm, nvidia-fs, gdrdrv, kfd, drm, habanalabs, verbs
  std::string call;      // rm_control, tools_read_process_memory, ...; the number when it has no name here
  std::string subject;   // class or command within the call: GT200_DEBUGGER, debug_read_memory; 0x... without a name
  std::string use;       // what it is good for, of GpuUses(); "" routine
  uint64_t bytes = 0;    // of memory that it is about; 0: none, or not told
  uint32_t client = 0;   // NVIDIA: handle of the client that acts; of one that is made: its own
  uint32_t other = 0;    // NVIDIA: handle of the client that is acted upon; 0: none
  int32_t target = 0;    // process that is acted upon, as the call names it; 0: none
  bool altered = false;  // the argument changed what it asks for during the call
};

// --- metered ---

// One request head on a serving port. Hashes are keyed (per-host secret); no header value or prompt is kept.
struct HttpRequest {
  SocketTuple socket;  // local = server
  uint64_t cookie = 0;
  std::string method;
  std::string path;    // without query, percent-decoded once, at most 256 bytes
  std::string client;  // "key:<hex>", "proxy:<address>" or "addr:<address>"
  uint64_t user_agent_hash = 0;
  uint64_t prefix_hash = 0;  // of the body's template-bearing first bytes; 0 = no body seen
  uint64_t body_hash = 0;    // of the captured body bytes; 0 = no body seen
  uint64_t content_length = 0;
};

// --- from the agent's own edge: snapshot, scans, clock, state, self ---

// First event of every stream: what is needed to name times and ids.
struct AgentStart {
  std::string version;
  std::string hostname;
  std::string boot_id;
  int64_t realtime_offset_ns = 0;  // CLOCK_REALTIME - CLOCK_BOOTTIME
  std::string config_digest;       // SHA-256, hex
  std::string rules_digest;
};

// A process that was running before the agent.
struct ProcessSnapshot {
  ProcessExec exec;  // origin.process is the process itself
};

// A process held this asset open or mapped before the agent started.
struct AssetHeld {
  FileKey file;
  bool mapped = false;
  uint64_t bytes = 0;  // mapped length, or 0 for an open descriptor
};

struct Listener {
  SocketTuple socket;  // origin.process listens
};

struct AssetFound {
  FileKey file;
  std::string path;
  std::string name;      // of the configured asset set, or derived from the path
  std::string klass;     // model, checkpoint, adapter, tokenizer, dataset, vector_store, knowledge_base, code, secret
  std::string format;    // safetensors, gguf, pytorch_zip, pickle, onnx, numpy, ...; "" unknown
  std::string found_by;  // config, discovery, birth
  uint64_t size = 0;
  uint64_t mtime_ns = 0;  // CLOCK_REALTIME
  uint32_t owner_uid = 0;
  int32_t label = -1;  // bit that this asset had before a restart; -1: the host model chooses
};

struct AssetGone {
  FileKey file;
};

// A process, file, pipe or unix socket that holds labels, with the volume of each.
struct LabelHolder {
  ProcessKey process;   // zero unless object is a process
  FileKey file;         // zero unless object is a file, pipe, socket or memory
  uint32_t object = 0;  // enum event_object of the wire
  uint64_t size = 0;    // files: bytes at labelling
  uint64_t labels = 0;
  std::vector<std::pair<uint32_t, uint64_t>> volumes;  // (label bit, bytes)
};

// Labels and budgets of an earlier run, restored because the object still lives.
struct StateRestored {
  std::vector<LabelHolder> holders;
  uint64_t blind_ns = 0;       // between the last save and this start
  std::string detector_state;  // opaque, written by the detectors' Save()
  std::string rule_state;      // opaque, written by the rules with memory
  bool new_boot = false;       // it was saved in an earlier boot
};

struct LossSample {
  std::string kind;  // wire kind's name
  uint64_t produced = 0;
  uint64_t ring_full = 0;
  uint64_t map_full = 0;
  uint64_t read_failed = 0;
  ProcessKey top;         // made most of the records that were lost since the last sample; zero: not known
  uint64_t top_lost = 0;  // how many
  std::vector<uint64_t> ring_full_by_cpu;
};

struct ProbeState {
  std::string group;   // row of the probe table: "file_read"
  std::string chosen;  // program in use; "" none
  std::string why;     // reason when none, or when this changed while running
};

// Every second. Windows, ladders and ages advance on these and on origins' times only.
struct ClockTick {
  int64_t realtime_offset_ns = 0;
};

// --- derived ---

// What a detector reports; rules turn it into an alert. `key` folds updates of one matter together.
struct Finding {
  std::string kind;   // egress, integrity, extraction, self
  std::string what;   // detector's own term: "upload", "in_place_write", "replaced", "volume"
  std::string key;    // stable within one matter
  std::string stage;  // rung of the ladder: "1%", "1000"
  ProcessKey process;
  FileKey file;
  std::string client;
  std::string destination;  // address, no port
  uint16_t destination_port = 0;
  std::string destination_class;  // loopback, private, public, mount
  double value = 0;               // measured, in `unit`
  double threshold = 0;
  std::string unit;      // bytes, requests, ...
  double share = 0;      // of the asset, 0..1
  double score = 0;      // 0..1, confidence
  std::string evidence;  // one sentence with the figures
};

// --- what was to be seen around an alert ---

struct StackFrame {
  uint64_t address = 0;
  std::string module;  // file that is mapped there; "" none, or not known
  uint64_t module_offset = 0;
  std::string function;  // "" not known
  uint64_t function_offset = 0;
};

struct HeldDescriptor {
  uint32_t fd = 0;
  std::string type;    // file, directory, device, pipe, tcp, udp, unix, socket, or the kernel's name: eventfd, bpf-map
  std::string path;    // of what has one
  std::string access;  // r, w, rw; "" not known
  std::string local;   // sockets: address:port
  std::string peer;
};

struct HeldMapping {
  std::string path;
  uint64_t bytes = 0;
};

// What the origin's process held when event `cause_seq` raised an alert, and the call that it was in. Looked up at the
// edge, a moment later.
struct Evidence {
  uint64_t cause_seq = 0;
  std::vector<StackFrame> stack;  // innermost first
  std::vector<HeldDescriptor> descriptors;
  uint64_t more_descriptors = 0;      // left out
  std::vector<HeldMapping> mappings;  // of assets
  std::string missing;                // what could not be had, and why; "" all is there
};

// --- what was changed while the agent runs ---

// The rules were read anew, and from here on others run; or they could not be, and the former ones go on.
struct RuleReload {
  bool ok = false;
  std::string digest;                // SHA-256 of the new ones, hex; "" when they have an error
  uint64_t rules = 0;                // that run now
  std::vector<std::string> changed;  // former rules that are gone or count other events: their state is forgotten
  std::string error;                 // with place and fix
};

struct AccountName {
  uint32_t id = 0;
  std::string name;
};

// Users and groups of the host by name, all of them: at the start, and again when one changed.
struct AccountNames {
  std::vector<AccountName> users;
  std::vector<AccountName> groups;
};

// Append only: the index is the id in captures.
using EventBody =
    std::variant<std::monostate, ProcessFork, ProcessExec, ProcessExit, FileRead, FileChange, FileOpen, FileName,
                 LabelMove, Egress, SocketState, DeviceOpen, FileCandidate, HttpSegment, HttpRequest, AgentStart,
                 ProcessSnapshot, AssetHeld, Listener, AssetFound, AssetGone, StateRestored, LossSample, ProbeState,
                 ClockTick, Finding, NameHint, Evidence, HostChange, DnsQuery, GpuCall, RuleReload, AccountNames>;

struct Event {
  uint64_t seq = 0;  // given by the sequencer, from 1; a finding carries its cause's
  Origin origin;
  EventBody body;
};

// Name of the body's kind in rules and captures: "process_exec", "egress", ...
const char* EventKindName(const EventBody& body);

inline constexpr size_t kEventKindCount = std::variant_size_v<EventBody>;

// Name by variant index; nullptr when out of range.
const char* EventKindName(size_t index);

}  // namespace tensorwarden
