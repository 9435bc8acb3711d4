// The kernel side: probes chosen by trying, rings, maps, escalation.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

// Nodes of one character device major.
struct DeviceNodes {
  uint32_t major = 0;
  uint32_t driver = 0;  // enum event_gpu_driver: whose ioctls they take; 0: opens alone are reported
};

// What to send beyond what the agent needs by itself; nothing of it is made, and little of it paid for, unasked.
struct SensorDemand {
  bool opens = false;    // every open of every process
  bool sockets = false;  // connects, accepts, binds and closes of processes without labels too; listens always come
  bool workload_sockets = false;  // those of what looks like an AI workload
  bool dns = false;               // likewise DNS queries; without it those of carriers, while escalated
  bool host_changes = false;      // modules, BPF programs, users, capabilities, signals to the agent, ...
  bool gpu = false;               // what processes that are no confirmed workload ask of accelerators
  bool operator==(const SensorDemand&) const = default;
};

struct SensorConfig {
  SensorDemand demand;                    // at first
  uint64_t discover_min_bytes = 1 << 20;  // unknown files below this are not reported by discovering processes
  absl::Duration escalation_hold = absl::Seconds(10);  // without a reason for this long: detach
  int escalation_stages = 2;                           // 1: the hook for all calls stays (tests and benchmarks)
  size_t urgent_ring_bytes = 8 << 20;                  // power of two, multiple of the page size
  size_t bulk_ring_bytes = 8 << 20;
  std::string tier;  // "": best by trying; "object", "data_path", "syscall": no better one (tests and benchmarks)
  // Devices whose opens are reported; at most 16. Empty: those of the GPU drivers in /proc/devices.
  std::vector<DeviceNodes> devices;
};

// One row of the probe table as it stands.
struct ProbeRow {
  std::string group;    // what it sees: "file_read"
  std::string program;  // chosen program; "" none
  std::string tier;     // object, data path, system call
  std::string state;    // attached, on demand, missing
  std::string why;      // of missing: the kernel's words
};

struct Capability {
  std::string name;  // "btf", "tp_btf", "lsm", "fentry", "cgroup_skb", "tracefs", ...
  bool present = false;
  std::string why;  // when absent
};

struct SensorCheck {
  std::string kernel;
  std::vector<Capability> capabilities;
  std::vector<ProbeRow> probes;
};

// Tries every probe (load and attach), detaches all, and says what would run.
// Errors: FailedPrecondition, one line with the fix, when no sensor can run here: no BTF, no CAP_BPF, no tracefs.
absl::StatusOr<SensorCheck> CheckSensor(const SensorConfig& config);

struct LostRow {
  std::string kind;
  uint64_t produced = 0;
  uint64_t ring_full = 0;
  uint64_t map_full = 0;
  uint64_t read_failed = 0;
  std::vector<uint64_t> produced_by_cpu;  // empty: not of a probe
  std::vector<uint64_t> ring_full_by_cpu;
};

// One open file of a process, as the kernel lists it: regular files, pipes, unix and internet sockets.
struct HeldFile {
  uint32_t fd = 0;
  uint32_t object = 0;     // enum event_object of the wire; 0: an internet socket
  uint32_t open_mode = 0;  // read 1, write 2
  SocketTuple socket;
};

struct Holdings {
  std::vector<HeldFile> files;
  std::vector<std::pair<FileKey, uint64_t>> mapped;  // watched files, bytes mapped
};

class Sensor {
 public:
  // Loads and attaches. Errors: as CheckSensor, and Internal with the verifier's last line.
  static absl::StatusOr<std::unique_ptr<Sensor>> Create(SensorConfig config);
  virtual ~Sensor() = default;  // detaches everything; nothing stays pinned

  virtual std::vector<ProbeRow> Probes() const = 0;

  // Changes what is sent, from the next event on. Errors: the kernel's, with the program that cannot be attached; then
  // all is as before.
  virtual absl::Status Ask(const SensorDemand& demand) = 0;

  // One descriptor that is readable when records wait (an epoll set of rings and fanotify).
  virtual int PollFd() const = 0;
  // Drains rings and fanotify, in time order as far as one batch allows; at most `max` records. FileCandidate and
  // HttpSegment come among the others. Returns how many records were read.
  virtual size_t Drain(size_t max, std::vector<Event>& events) = 0;

  // The key of an open descriptor of this process, learned from the kernel.
  virtual absl::StatusOr<FileKey> KeyOf(int fd) = 0;

  // Watching. `path` serves fanotify marks (on the inode and its directory) and names in events.
  // Errors: ResourceExhausted when the map is full.
  virtual absl::Status Watch(const FileKey& file, uint32_t label, uint64_t size, uint64_t label_size,
                             const std::string& path) = 0;
  virtual absl::Status Unwatch(const FileKey& file) = 0;
  virtual absl::Status SetProcessFlags(const ProcessKey& process, uint32_t flags) = 0;
  // Requests to `port` are metered at `cgroup`, the path below the cgroup2 root of who listens, so that the packets of
  // others cost nothing; "" or a group that is gone: at the root, for all.
  virtual absl::Status SetServingPort(uint16_t port, bool on, const std::string& cgroup) = 0;
  // Births and renames below `path` (not recursive) come as FileName events, whether or not it holds assets yet.
  virtual absl::Status WatchDirectory(const std::string& path) = 0;
  // Gives a process or object labels that it held before (restart, snapshot). NotFound when it lives no more.
  virtual absl::Status RestoreHolder(const LabelHolder& holder) = 0;

  // Processes, open assets and mappings, listeners and connections that exist now, as snapshot events (seq 0).
  // Call after Watch() of the known assets: it also labels holders.
  virtual absl::Status Snapshot(std::vector<Event>& events) = 0;

  // What one process has open, and which watched files it has mapped, now. The only call that may come from another
  // thread, because it may wait for the process. Errors: the kernel's.
  virtual absl::StatusOr<Holdings> HoldingsOf(const ProcessKey& process) const = 0;

  // Counter samples: an Egress event per (label, process, socket) that grew since the last call, then LossSample per
  // kind that changed.
  virtual void Sample(std::vector<Event>& events) = 0;
  // Every process, derived file, pipe and unix socket that the kernel holds labels of now (not the assets).
  virtual std::vector<LabelHolder> Holders() const = 0;
  virtual std::vector<LostRow> Lost() const = 0;

  // System-call hooks. Escalate() returns when the first stage stands (about 0.2 ms); the second takes its place some
  // 20 ms later. The sensor falls back by itself when no unconfirmed carrier is left for `escalation_hold`. Tick() once
  // a second drives that.
  virtual absl::Status Escalate() = 0;
  virtual bool Escalated() const = 0;
  virtual void Tick() = 0;
};

}  // namespace tensorwarden
