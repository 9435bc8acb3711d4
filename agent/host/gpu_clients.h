// Whose is which client of NVIDIA's resource manager. A call that names another's client reaches into it.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

// A client is whose who made it, or, when that was not seen, whose who first acts as it: the driver lets nobody act as
// a client but by the descriptor that it was made with. A process is remembered with its first 256, and 16 384
// processes are: CUDA makes two for each.
class GpuClients {
 public:
  void Take(ProcessKey process, const GpuCall& call);
  // The process has ended, and the driver has freed its clients, unless a child inherited the descriptor: whose they
  // are is not known then.
  void Forget(ProcessKey process);
  // Zero when it is not known.
  ProcessKey Owner(uint32_t client) const;

 private:
  absl::flat_hash_map<uint32_t, ProcessKey> owners_;
  absl::flat_hash_map<ProcessKey, std::vector<uint32_t>> made_;
};

}  // namespace tensorwarden
