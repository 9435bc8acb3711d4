#include "agent/sensor/egress_ledger.h"

#include <utility>

#include "agent/event/socket_text.h"

namespace tensorwarden {

void EgressLedger::Take(const ProcessKey& process, Egress& egress) {
  const Key key(egress.cookie, egress.label, process);
  if (told_.size() >= EGRESS_MAX && !told_.contains(key)) return;
  uint64_t& told = told_[key];
  egress.delta = egress.bytes > told ? egress.bytes - told : 0;
  told = std::max(told, egress.bytes);
}

void EgressLedger::Sample(const std::vector<EgressTotal>& totals, uint64_t now_ns, std::vector<Event>& events) {
  absl::flat_hash_map<Key, uint64_t> live;
  for (const EgressTotal& total : totals) {
    const Key key(total.cookie, total.label, total.process);
    const auto found = told_.find(key);
    const uint64_t told = found == told_.end() ? 0 : found->second;
    // A record may be further than this walk of the map was.
    live[key] = std::max(told, total.bytes);
    if (total.bytes <= told) continue;
    Event event;
    event.origin = {.ktime_ns = now_ns, .cgroup_id = total.cgroup_id, .process = total.process};
    event.body = Egress{.socket = ToTuple(total.socket),
                        .cookie = total.cookie,
                        .bytes = total.bytes,
                        .delta = total.bytes - told,
                        .volume = total.volume,
                        .label = total.label,
                        .serving = total.serving};
    events.push_back(std::move(event));
  }
  told_ = std::move(live);
}

}  // namespace tensorwarden
