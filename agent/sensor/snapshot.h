// What existed before the agent: processes, their open assets and mappings, listening sockets.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>

#include <utility>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/cgroup_paths.h"
#include "agent/sensor/kernel_maps.h"
#include "agent/sensor/process_starts.h"
#include "bpf/abi/config.h"

namespace tensorwarden {

// A process that has an asset open or mapped gets its label: by the mapping's length, or by how far it has read.
class Snapshot {
 public:
  Snapshot(LoadedProbes& probes, KernelMaps& maps, ProcessStarts& starts, CgroupPaths& cgroups)
      : probes_(probes), maps_(maps), starts_(starts), cgroups_(cgroups) {}

  // Appends ProcessSnapshot, then AssetHeld with the LabelMove that it causes, and Listener.
  // Errors: of the first iterator that fails; what came before it is appended.
  absl::Status Take(std::vector<Event>& events);

  // Appends what one process has mapped of watched files and holds no label for.
  absl::Status TakeMappings(uint32_t tgid, std::vector<Event>& events);

  // Credits who opened a file whose reads show to system-call hooks only, before those stood: by how far it has read,
  // or, where its position does not tell, by all that the process ever read.
  absl::Status TakeReads(const ProcessKey& process, const FileKey& file, uint64_t size, std::vector<Event>& events);

  absl::Status ListProcesses(std::vector<Event>& events);

 private:
  using HeldDevice = std::pair<ProcessKey, uint64_t>;  // its number

  absl::Status ListFiles(std::vector<Event>& events);
  static void TakeDevice(const holder_file_record& file, uint64_t now_ns, absl::flat_hash_set<HeldDevice>& known,
                         std::vector<Event>& events);
  absl::Status ListMappings(uint32_t tgid, std::vector<Event>& events);
  void Hold(const ProcessKey& process, const AssetHeld& held, uint64_t volume, std::vector<Event>& events);

  LoadedProbes& probes_;
  KernelMaps& maps_;
  ProcessStarts& starts_;
  CgroupPaths& cgroups_;
};

}  // namespace tensorwarden
