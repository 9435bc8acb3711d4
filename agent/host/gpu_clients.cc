#include "agent/host/gpu_clients.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxProcesses = 16384;
constexpr size_t kMaxClients = 256;  // of one process

}  // namespace

void GpuClients::Take(ProcessKey process, const GpuCall& call) {
  if (call.client == 0 || call.result < 0 || call.status != 0) return;
  if (call.call == "rm_free" && call.subject == "client") {
    owners_.erase(call.client);
    return;
  }
  if (call.use != "client" && owners_.contains(call.client)) return;
  if (!made_.contains(process) && made_.size() >= kMaxProcesses) return;
  std::vector<uint32_t>& clients = made_[process];
  if (clients.size() >= kMaxClients) return;
  clients.push_back(call.client);
  owners_[call.client] = process;
}

void GpuClients::Forget(ProcessKey process) {
  const auto made = made_.find(process);
  if (made == made_.end()) return;
  for (const uint32_t client : made->second) {
    const auto owner = owners_.find(client);
    if (owner != owners_.end() && owner->second == process) owners_.erase(owner);
  }
  made_.erase(made);
}

ProcessKey GpuClients::Owner(uint32_t client) const {
  const auto owner = owners_.find(client);
  return owner == owners_.end() ? ProcessKey{} : owner->second;
}

}  // namespace tensorwarden
