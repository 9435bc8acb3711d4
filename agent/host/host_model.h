// What is true now: processes, workloads, assets. Fed by events alone, so a replay rebuilds it exactly.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
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
  ProcessKey tree;  // oldest known ancestor below init or a session leader's parent: "the same job"
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
};

struct LabelInfo {
  uint64_t size = 0;  // bytes of all assets of the set
  std::string name;   // of the set: first asset's name
  std::vector<AssetId> assets;
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
  size_t max_processes = 65536;  // oldest dead, then oldest leaf is evicted and counted
  size_t max_assets = 65536;     // further assets are refused and counted
  size_t max_dead_processes = 8192;
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
};

class HostModel {
 public:
  // Errors: InvalidArgument when a bound is zero or a workload has no confirmation; the message names it.
  static absl::StatusOr<std::unique_ptr<HostModel>> Create(HostModelConfig config);
  virtual ~HostModel() = default;

  // Takes in one event. Effects are appended to `effects`.
  virtual void Apply(const Event& event, std::vector<HostEffect>& effects) = 0;

  // nullptr when not known. Pointers are valid until the next Apply().
  virtual const ProcessInfo* Process(ProcessKey key) const = 0;
  virtual const AssetInfo* Asset(const FileKey& file) const = 0;
  virtual const LabelInfo* Label(uint32_t bit) const = 0;
  // Labels a file that is no asset carries because a carrier wrote to it; 0 none.
  virtual uint64_t DerivedLabels(const FileKey& file) const = 0;
  virtual std::vector<const ProcessInfo*> Processes() const = 0;
  virtual std::vector<const AssetInfo*> Assets() const = 0;
  // True when `port` serves requests of a known workload.
  virtual bool IsServingPort(uint16_t port) const = 0;
  // CLOCK_REALTIME ns of a CLOCK_BOOTTIME ns, by the last AgentStart or ClockTick.
  virtual int64_t RealtimeNs(uint64_t ktime_ns) const = 0;
  virtual const AgentStart& Start() const = 0;
  virtual HostModelStats Stats() const = 0;
};

}  // namespace tensorwarden
