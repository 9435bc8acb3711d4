#include "agent/daemon/analysis.h"

#include <utility>

#include "agent/base/status_text.h"
#include "agent/enrich/enriched_event.h"

namespace tensorwarden {

absl::StatusOr<std::unique_ptr<Analysis>> Analysis::Create(const AgentConfig& config, std::unique_ptr<RuleSet> rules) {
  absl::StatusOr<Detectors> detectors = CreateDetectors(config.egress, config.integrity, config.extraction);
  if (!detectors.ok()) return detectors.status();
  absl::StatusOr<std::unique_ptr<Analysis>> analysis = CreateWithoutDetectors(config, std::move(rules));
  if (analysis.ok()) (*analysis)->detectors_ = *std::move(detectors);
  return analysis;
}

absl::StatusOr<std::unique_ptr<Analysis>> Analysis::CreateWithoutDetectors(const AgentConfig& config,
                                                                           std::unique_ptr<RuleSet> rules) {
  absl::StatusOr<std::unique_ptr<HostModel>> host = HostModel::Create(config.host);
  if (!host.ok()) return host.status();
  absl::StatusOr<std::unique_ptr<AlertBuilder>> builder = AlertBuilder::Create(AlertBuilderConfig{});
  if (!builder.ok()) return builder.status();
  return std::unique_ptr<Analysis>(new Analysis(*std::move(host), std::move(rules), *std::move(builder)));
}

Analysis::Analysis(std::unique_ptr<HostModel> host, std::unique_ptr<RuleSet> rules,
                   std::unique_ptr<AlertBuilder> builder)
    : host_(std::move(host)), rules_(std::move(rules)), builder_(std::move(builder)) {}

void Analysis::Take(const Event& event, std::vector<HostEffect>& effects, std::vector<Alert>& alerts) {
  host_->Apply(event, effects);
  if (const auto* restored = std::get_if<StateRestored>(&event.body)) {
    Restore(*restored, event.origin.ktime_ns);
  }
  // Of the live run they are new ones and have nothing to forget; a replay has had its rules from the beginning.
  if (const auto* reload = std::get_if<RuleReload>(&event.body)) rules_->Forget(reload->changed);
  const EnrichedEvent enriched = Enrich(event, *host_);
  builder_->Observe(enriched, alerts);
  if (std::holds_alternative<Evidence>(event.body)) return;  // the agent's own look is nobody's deed
  findings_.clear();
  for (const std::unique_ptr<Detector>& detector : detectors_) {
    if ((detector->Needs() >> event.body.index() & 1) != 0) detector->Observe(enriched, findings_);
  }
  MatchRules(enriched, alerts);
  // A finding is an event of its own with its cause's number and origin, so that rules see it like any other.
  for (Finding& finding : findings_) {
    const Event derived{.seq = event.seq, .origin = event.origin, .body = std::move(finding)};
    MatchRules(Enrich(derived, *host_), alerts);
  }
}

Analysis::RuleSwap Analysis::ReplaceRules(std::unique_ptr<RuleSet> rules) {
  RuleSwap swap;
  swap.changed = rules->TakeOver(rules_->Release());
  swap.former = std::exchange(rules_, std::move(rules));
  return swap;
}

RuleNeeds Analysis::NeedsWith(const RuleSet& rules) const {
  RuleNeeds needs = rules.Needs();
  for (const std::unique_ptr<Detector>& detector : detectors_) needs.kinds |= detector->Needs();
  return needs;
}

void Analysis::Restore(const StateRestored& restored, uint64_t now_ns) {
  restore_problem_ = std::string(StatusText(RestoreDetectors(restored.detector_state, detectors_)));
  const absl::Status rules = rules_->RestoreMemory(restored.rule_state, restored.new_boot, now_ns);
  if (rules.ok()) return;
  if (!restore_problem_.empty()) restore_problem_ += "; ";
  restore_problem_ += StatusText(rules);
}

void Analysis::MatchRules(const EnrichedEvent& event, std::vector<Alert>& alerts) {
  detections_.clear();
  rules_->Match(event, detections_);
  for (const Detection& detection : detections_) {
    if (std::optional<Alert> alert = builder_->Take(detection, event)) alerts.push_back(*std::move(alert));
  }
}

}  // namespace tensorwarden
