#include "agent/host/unconfirmed.h"

#include <absl/container/flat_hash_map.h>

#include <variant>

namespace tensorwarden {

bool BecameUnconfirmedCarrier(const HostModel& host, std::span<const Event> events) {
  absl::flat_hash_map<ProcessKey, bool> changed;  // whether it is confirmed, of those that `host` knows otherwise
  const auto confirmed = [&](const ProcessKey& process) {
    if (const auto it = changed.find(process); it != changed.end()) return it->second;
    const ProcessInfo* info = host.Process(process);
    return info != nullptr && info->role_confirmed;
  };
  for (const Event& event : events) {
    const ProcessKey& process = event.origin.process;
    if (const auto* fork = std::get_if<ProcessFork>(&event.body)) {
      if (confirmed(process)) changed[fork->child] = true;
    } else if (std::holds_alternative<ProcessExec>(event.body)) {
      changed[process] = false;
    } else if (const auto* move = std::get_if<LabelMove>(&event.body); move != nullptr && !move->target) {
      if (!confirmed(process)) return true;
    }
  }
  return false;
}

}  // namespace tensorwarden
