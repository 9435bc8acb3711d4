#include "agent/host/serving_ports.h"

#include <algorithm>

namespace tensorwarden {
namespace {

bool ConfirmedServes(const WorkloadSpec& spec, uint16_t port) {
  if (spec.serving_ports.empty()) return spec.role == Role::kInference;
  return std::find(spec.serving_ports.begin(), spec.serving_ports.end(), port) != spec.serving_ports.end();
}

// See HostModel::IsServingPort for why "holds a model and listens" is not enough.
bool Serves(const ProcessRecord& record, const ListeningPort& listening) {
  if (record.info.exit_ns != 0) return false;
  if (record.spec != nullptr) return ConfirmedServes(*record.spec, listening.port);
  if (record.suggestion) return record.suggestion.serves && record.model_below;
  const bool runtime = IsPython(record.info) && (NamesMlRuntime(record.info) || record.opened_gpu);
  return runtime && listening.held_model_before;
}

}  // namespace

void ServingPorts::Listen(ProcessRecord& record, uint16_t port, bool held_model_before) {
  if (port == 0 || record.listens.size() >= kMaxListens) return;
  for (const ListeningPort& known : record.listens)
    if (known.port == port) return;
  record.listens.push_back({port, held_model_before});
}

void ServingPorts::Refresh(const ProcessRecord& record, std::vector<HostEffect>& effects) {
  for (const ListeningPort& listening : record.listens)
    Set(listening.port, record.info.key, Serves(record, listening), effects);
}

void ServingPorts::Set(uint16_t port, ProcessKey process, bool serves, std::vector<HostEffect>& effects) {
  const auto it = owners_.find(port);
  if (serves) {
    if (it == owners_.end()) effects.emplace_back(ServePort{port, true, process});
    owners_[port].insert(process);
    return;
  }
  if (it == owners_.end() || it->second.erase(process) == 0 || !it->second.empty()) return;
  owners_.erase(it);
  effects.emplace_back(ServePort{port, false, process});
}

void ServingPorts::Forget(ProcessKey process, std::vector<HostEffect>& effects) {
  std::vector<uint16_t> ports;
  for (const auto& [port, owners] : owners_)
    if (owners.contains(process)) ports.push_back(port);
  std::sort(ports.begin(), ports.end());  // the map's order differs from run to run
  for (uint16_t port : ports) Set(port, process, false, effects);
}

}  // namespace tensorwarden
