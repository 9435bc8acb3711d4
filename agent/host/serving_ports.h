// Ports that answer requests of known workloads, and who listens there.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <set>
#include <vector>

#include "agent/host/process_table.h"

namespace tensorwarden {

class ServingPorts {
 public:
  static constexpr size_t kMaxListens = 64;  // per process; further ones never serve

  void Listen(ProcessRecord& record, uint16_t port, bool held_model_before);
  // Decides anew for every port that the process listens on.
  void Refresh(const ProcessRecord& record, std::vector<HostEffect>& effects);
  void Forget(ProcessKey process, std::vector<HostEffect>& effects);
  bool Contains(uint16_t port) const { return owners_.contains(port); }

 private:
  void Set(uint16_t port, ProcessKey process, bool serves, std::vector<HostEffect>& effects);

  absl::flat_hash_map<uint16_t, std::set<ProcessKey>> owners_;
};

}  // namespace tensorwarden
