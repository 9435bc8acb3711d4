// The maps that the agent shares with the probes, as operations.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/loader.h"
#include "agent/sensor/sensor.h"
#include "bpf/abi/config.h"

namespace tensorwarden {

event_file_key ToWire(const FileKey& key);
event_process_key ToWire(const ProcessKey& key);
FileKey FromWire(const event_file_key& key);
ProcessKey FromWire(const event_process_key& key);

// Charged bytes of one (label, process, socket).
struct EgressTotal {
  event_sock_tuple socket;
  ProcessKey process;
  uint64_t cgroup_id = 0;
  uint64_t cookie = 0;
  uint64_t bytes = 0;
  uint64_t volume = 0;  // the carrier's, of this label; 0 when it is gone
  uint32_t label = 0;
  bool serving = false;
};

struct LoserTotal {
  ProcessKey process;
  std::string kind;
  uint64_t lost = 0;
};

class KernelMaps {
 public:
  explicit KernelMaps(LoadedProbes& probes) : probes_(probes), skeleton_(probes.skeleton()) {}

  // What does not change while probes run, and FindDevices().
  absl::Status Configure(const SensorConfig& config);
  // Anew: devices come and go with their modules.
  absl::Status FindDevices(const SensorConfig& config);
  std::span<const DeviceNodes> devices() const { return devices_; }
  // What probes send beyond what always comes.
  absl::Status Ask(const SensorDemand& demand);

  // Errors: InvalidArgument for a label above 63; ResourceExhausted when the map is full.
  absl::Status Watch(const FileKey& file, uint32_t label, uint64_t size, uint64_t label_size);
  // A block device that holds assets, each with a label and its size.
  absl::Status WatchRaw(const FileKey& device, const LabelHolder& assets);
  // Probes hint at changes of names in this directory, and of its own. Errors: ResourceExhausted.
  absl::Status WatchDirectory(const FileKey& directory);
  // A file that is not there is no error.
  absl::Status Unwatch(const FileKey& file);
  bool IsWatched(const FileKey& file) const;
  uint64_t Labels(const FileKey& file) const;  // 0 when it has none

  // Labelled pipes, unix sockets and terminals.
  std::vector<FileKey> Streams() const;

  // Errors: NotFound when the process lives no more; ResourceExhausted.
  absl::Status SetProcessFlags(const ProcessKey& process, uint32_t flags);
  absl::Status RestoreHolder(const LabelHolder& holder);
  std::vector<LabelHolder> Holders() const;
  LabelHolder Holder(const ProcessKey& process) const;  // no labels: none
  bool Carries(const ProcessKey& process, uint64_t labels) const;
  bool IsConfirmed(const ProcessKey& process) const;  // or one that is to be ignored
  // True while a process that carries labels is not confirmed.
  bool HasUnconfirmedCarrier() const;

  void SetServingPort(uint16_t port, bool on);
  bool IsServingPort(uint16_t port) const;
  void SetListening(uint16_t port);

  absl::StatusOr<query_fd_args> QueryFd(int fd) const;
  std::vector<EgressTotal> EgressTotals() const;
  std::vector<LostRow> Lost() const;
  // Lost records by who made them, since the probes were loaded; of processes that lost most lately.
  std::vector<LoserTotal> Losers() const;

 private:
  absl::Status Change(const std::function<void(sensor_config&)>& change) const;
  absl::Status RunProgram(const char* group, void* context, size_t size) const;
  absl::Status SetProcess(const ProcessKey& process, const process_state& state, bool keep_flags);
  absl::Status SetObject(const FileKey& file, const object_state& state);
  void RebuildFilter();
  bool FindObject(const FileKey& file, object_state& state) const;
  bool FindProcess(const ProcessKey& process, process_state& state) const;

  LoadedProbes& probes_;
  sensor_bpf& skeleton_;
  std::vector<DeviceNodes> devices_;
  uint32_t removed_ = 0;  // objects removed since the filter was built
};

// Kinds of enum event_object that live only while somebody has them open.
bool IsStream(uint32_t object);

// Character devices of accelerators' drivers, out of the text of /proc/devices; NVIDIA's main one always.
std::vector<DeviceNodes> GpuDevices(std::string_view devices);

// Name of a wire kind in loss counters: "file_read".
const char* WireKindName(uint32_t kind);

}  // namespace tensorwarden
