// What is true now: processes, workloads, assets. Fed by events alone, so a replay rebuilds it exactly.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

enum class Role : uint8_t { kNone, kInference, kTraining, kPipeline, kRegistry, kNotebook, kAdmin };
const char* RoleName(Role role);  // "none", "inference", ...
// NotFound when `name` is no role.
absl::StatusOr<Role> ParseRole(std::string_view name);

struct ProcessInfo {
  ProcessKey key;
  ProcessKey parent;
  // "The same job": the oldest known ancestor below a boundary. Boundaries are init, kthreadd and the programs that
  // start unrelated work (sshd, systemd, cron, containerd-shim, tmux, ...: see job_boundary.h), and the point where a
  // process entered a control group of its own. An interactive shell is the root of what is typed into it. A process
  // that disguises itself as a boundary only splits its own job; it can never join another's.
  ProcessKey tree;
  std::string comm;
  std::string path;
  std::string cwd;
  std::vector<std::string> args;
  std::string cmdline;  // args joined by a space
  std::string cgroup;
  FileKey exe;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t login_uid = 0xffffffff;
  uint32_t mnt_ns = 0;
  uint32_t pid_ns = 0;
  bool user_mounts = false;  // its mount namespace is a user namespace's, whose owner chooses what lies at a path
  Role role = Role::kNone;
  bool role_confirmed = false;
  std::string workload;  // configured name, or "suggested:<kind>"; "" none
  uint64_t labels = 0;
  uint64_t exit_ns = 0;  // 0 = alive; kept for a while after exit, for events that arrive late
};

using AssetId = uint32_t;  // index into the model's table; stable within one run

struct AssetInfo {
  AssetId id = 0;
  FileKey file;
  std::string path;
  std::string name;
  std::string klass;
  std::string format;
  uint64_t size = 0;
  uint32_t label = 0;  // bit of the set it belongs to
  uint32_t owner_uid = 0;
  ProcessKey creator;  // if born under watch
  ProcessKey creator_tree;
  uint64_t born_ns = 0;          // boottime of the birth; 0 = not born under watch
  FileKey predecessor;           // the inode whose name this one took over; zero if none
  uint64_t predecessor_seq = 0;  // seq of the event that did it
  uint64_t unlinked_seq = 0;     // seq of the event that took its last known name; 0 = has a name
};

struct LabelInfo {
  uint64_t size = 0;            // bytes of all assets of the set, or of all sets that share the label
  std::string name;             // of the set: first asset's name
  std::vector<FileKey> assets;  // in order of arrival
  size_t sets = 1;              // unrelated ones that share it: more than one when all labels are used up
  uint64_t smallest = 0;        // bytes of the smallest of those; 0 when there is one set

  // What shares are taken of: whichever set it was, no larger share of it has gone.
  uint64_t ShareSize() const { return smallest == 0 ? size : smallest; }
};

struct WorkloadSpec {
  std::string name;
  Role role = Role::kNone;
  // Confirmation: every non-empty one must match. `exe` is compared with ProcessInfo::path, `cgroup` is a prefix of
  // whole components, `unit` a systemd unit name (component of the cgroup path).
  std::string exe;
  std::string cgroup;
  std::string unit;
  std::string user;  // name or number, resolved by config
  uint32_t uid = 0xffffffff;
  std::vector<uint16_t> serving_ports;
};

struct HostModelConfig {
  size_t max_processes = 65536;      // oldest dead, then oldest leaf without a role goes, counted
  size_t max_assets = 65536;         // further assets are refused and counted
  size_t max_dead_processes = 8192;  // kept for 10 minutes at most, for events that arrive late
  std::vector<WorkloadSpec> workloads;
};

// What the model wants of the kernel side. Carried out by the live daemon, ignored by a replay.
struct WatchFile {  // label and watch a file
  FileKey file;
  uint32_t label;
  uint64_t size;
  uint64_t label_size;
  std::string path;
};
struct UnwatchFile {
  FileKey file;
};
struct FlagProcess {  // process flags of bpf/abi/config.h
  ProcessKey process;
  uint32_t flags;
};
struct ServePort {
  uint16_t port;
  bool on;
  ProcessKey process;
};
using HostEffect = std::variant<WatchFile, UnwatchFile, FlagProcess, ServePort>;

struct HostModelStats {
  size_t processes = 0;
  size_t assets = 0;
  uint64_t evicted_processes = 0;
  uint64_t refused_assets = 0;
  uint64_t evicted_derived = 0;  // labelled files that are no assets, forgotten at their bound
  uint64_t evicted_orphans = 0;  // assets without a name, unwatched at their bound
};

class HostModel {
 public:
  // Errors: InvalidArgument when a bound is zero or a workload has no confirmation; the message names it.
  static absl::StatusOr<std::unique_ptr<HostModel>> Create(HostModelConfig config);
  virtual ~HostModel() = default;

  // Takes in one event. Effects are appended to `effects`.
  virtual void Apply(const Event& event, std::vector<HostEffect>& effects) = 0;

  // nullptr when not known. Pointers are valid until the next Apply(). A key without a start time (fanotify knows only
  // a pid) finds the process that has the pid now.
  virtual const ProcessInfo* Process(ProcessKey key) const = 0;
  virtual const AssetInfo* Asset(const FileKey& file) const = 0;
  virtual const LabelInfo* Label(uint32_t bit) const = 0;
  // Labels a file that is no asset carries because a carrier wrote to it; 0 none.
  virtual uint64_t DerivedLabels(const FileKey& file) const = 0;
  virtual std::vector<const ProcessInfo*> Processes() const = 0;
  virtual std::vector<const AssetInfo*> Assets() const = 0;  // those that have a name, by id
  // True when `port` serves requests of a known workload. The kernel has one bit per port, and with it the port's bytes
  // are metered as requests and leave egress accounting (except for its share-to-one-peer check), so "it holds a model
  // and listens" is not enough: `python -m http.server` in a model directory is a thief. A port serves when its
  // listener is a confirmed workload (its serving_ports, or any port of role inference); or a server of the catalogue
  // that holds a model's label, itself or in a worker of the same kind; or a Python program that held the model before
  // it listened and shows an ML runtime in its arguments or by an open GPU. Arguments can be forged: the peer check and
  // the budget of everything that is sent by other ports still stand against that.
  virtual bool IsServingPort(uint16_t port) const = 0;
  // Who made a client of NVIDIA's driver, by its handle; zero when that was not seen.
  virtual ProcessKey GpuClientOwner(uint32_t client) const = 0;
  // CLOCK_REALTIME ns of a CLOCK_BOOTTIME ns, by the last AgentStart or ClockTick.
  virtual int64_t RealtimeNs(uint64_t ktime_ns) const = 0;
  virtual const AgentStart& Start() const = 0;
  // Names of the host's own users and groups; "" when there is none. Those of containers are not known.
  virtual std::string_view UserName(uint32_t uid) const = 0;
  virtual std::string_view GroupName(uint32_t gid) const = 0;
  virtual HostModelStats Stats() const = 0;
  // Events that build this state in an empty model with the same config: start, accounts, assets with their labels,
  // living processes, parents first, listeners, labels. Left out: the dead, births and GPU opens that no role rests on
  // yet, and jobs whose beginning is not told by who is alive. `memory`, that of detectors and rules, goes along. No
  // event has a number.
  virtual std::vector<Event> Restate(StateRestored memory) const = 0;
};

}  // namespace tensorwarden
