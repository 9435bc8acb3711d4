#include "agent/daemon/live_rules.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/status_text.h"
#include "agent/daemon/demand.h"

namespace tensorwarden {

absl::StatusOr<std::unique_ptr<LiveRules>> LiveRules::Create(RuleReloader::Loader load, Sensor& sensor,
                                                             Analysis& analysis, AgentStats& stats) {
  absl::StatusOr<std::unique_ptr<RuleReloader>> reloader = RuleReloader::Create(std::move(load));
  if (!reloader.ok()) return reloader.status();
  return std::unique_ptr<LiveRules>(new LiveRules(*std::move(reloader), sensor, analysis, stats));
}

std::optional<RuleReload> LiveRules::Take() {
  std::optional<CompiledRules> compiled = reloader_->Take();
  if (!compiled) return std::nullopt;
  stats_.rules.compile_ns = static_cast<uint64_t>(absl::ToInt64Nanoseconds(compiled->took));
  if (!compiled->rules.ok()) return Refuse(compiled->rules.status());
  for (const RuleProblem& warning : compiled->rules->warnings) spdlog::warn("{}", ProblemLine(warning));
  const uint64_t begin_ns = BoottimeNs();
  const SensorDemand demand = DemandOf(analysis_.NeedsWith(*compiled->rules->rules));
  // First, because it can fail; what comes of it already waits in the rings until the rules are swapped.
  if (absl::Status status = sensor_.Ask(demand); !status.ok()) return Refuse(status);
  stats_.asked = demand;
  return Swap(*std::move(compiled->rules), begin_ns);
}

RuleReload LiveRules::Refuse(const absl::Status& status) {
  ++stats_.rules.failed_reloads;
  spdlog::error("the rules were not reloaded, {} former ones run on: {}", analysis_.rule_count(), StatusText(status));
  return {.ok = false, .rules = analysis_.rule_count(), .error = std::string(StatusText(status))};
}

RuleReload LiveRules::Swap(LoadedRules rules, uint64_t begin_ns) {
  RuleReload reload{.ok = true, .digest = std::move(rules.digest), .rules = rules.rules->Size()};
  Analysis::RuleSwap swap = analysis_.ReplaceRules(std::move(rules.rules));
  const uint64_t took_ns = BoottimeNs() - begin_ns;
  reloader_->Dispose(std::move(swap.former));
  stats_.rules.loaded = reload.rules;
  ++stats_.rules.reloads;
  stats_.rules.swap_ns = std::max(stats_.rules.swap_ns, took_ns);
  reload.changed = std::move(swap.changed);
  spdlog::info(
      "rules reloaded: {} run now, {} former ones were changed or are gone; compiled in {:.0f} ms, swapped in "
      "{:.2f} ms",
      reload.rules, reload.changed.size(), static_cast<double>(stats_.rules.compile_ns) / 1e6,
      static_cast<double>(took_ns) / 1e6);
  if (reload.rules == 0) spdlog::warn("no rule is loaded: nothing will be alerted");
  return reload;
}

}  // namespace tensorwarden
