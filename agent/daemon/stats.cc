#include "agent/daemon/stats.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tensorwarden {

uint64_t LatencyWindow::Quantile(double share) const {
  std::vector<uint64_t> sorted(samples_.begin(), samples_.begin() + std::min<uint64_t>(count_, samples_.size()));
  if (sorted.empty()) return 0;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), at, sorted.end());
  return *at;
}

std::string StatsJson(const AgentStats& stats, const HostModelStats& host, const HttpMeterStats& http,
                      const std::vector<LostRow>& lost, bool escalated) {
  nlohmann::ordered_json out;
  for (size_t kind = 1; kind < kEventKindCount; ++kind) {
    if (stats.events[kind] != 0) out["events"][EventKindName(kind)] = stats.events[kind];
  }
  out["alerts"] = stats.alerts;
  out["undelivered"] = stats.undelivered;
  out["failed_effects"] = stats.failed_effects;
  out["dropped_scans"] = stats.dropped_scans;
  out["alert_latency_ns"] = {{"p50", stats.latency.Quantile(0.5)}, {"p99", stats.latency.Quantile(0.99)}};
  out["host"] = {{"processes", host.processes},
                 {"assets", host.assets},
                 {"evicted_processes", host.evicted_processes},
                 {"refused_assets", host.refused_assets}};
  out["http"] = {{"requests", http.requests},
                 {"malformed", http.malformed},
                 {"resynchronised", http.resynchronised},
                 {"evicted", http.evicted},
                 {"connections", http.connections}};
  out["evidence"] = {
      {"wanted", stats.evidence.wanted}, {"late", stats.evidence.late}, {"crowded", stats.evidence.crowded}};
  if (stats.recorder) {
    out["recorder"] = {{"bytes", stats.recorder->bytes},       {"slices", stats.recorder->slices},
                       {"failed", stats.recorder->failed},     {"removed", stats.recorder->removed},
                       {"left_out", stats.recorder->left_out}, {"short", stats.recorder->short_slices}};
  }
  for (const RuleMemoryStats& memory : stats.rule_memory) {
    out["rule_memory"][memory.rule] = {{"keys", memory.keys},
                                       {"values", memory.values},
                                       {"evicted_keys", memory.evicted_keys},
                                       {"evicted_values", memory.evicted_values},
                                       {"uncounted", memory.uncounted},
                                       {"unsaved_keys", memory.unsaved_keys}};
  }
  out["rules"] = {{"loaded", stats.rules.loaded},
                  {"reloads", stats.rules.reloads},
                  {"failed_reloads", stats.rules.failed_reloads},
                  {"compile_ns", stats.rules.compile_ns},
                  {"swap_ns", stats.rules.swap_ns}};
  out["asked"] = {{"file_open", stats.asked.opens},
                  {"socket", stats.asked.sockets},
                  {"socket_of_workloads", stats.asked.workload_sockets},
                  {"dns_query", stats.asked.dns},
                  {"host_change", stats.asked.host_changes},
                  {"gpu_call", stats.asked.gpu}};
  for (const LostRow& row : lost) {
    out["lost"][row.kind] = {{"produced", row.produced},
                             {"ring_full", row.ring_full},
                             {"map_full", row.map_full},
                             {"read_failed", row.read_failed}};
    if (row.produced_by_cpu.empty() || row.produced == 0) continue;
    out["lost"][row.kind]["produced_by_cpu"] = row.produced_by_cpu;
    if (row.ring_full != 0) out["lost"][row.kind]["ring_full_by_cpu"] = row.ring_full_by_cpu;
  }
  out["escalated"] = escalated;
  return out.dump() + "\n";
}

}  // namespace tensorwarden
