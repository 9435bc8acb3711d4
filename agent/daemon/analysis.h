// From a numbered event to alerts: host model, detectors, rules, alerts. The same code live and in replay; it reads
// no clock, no /proc, no map and no file.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/alert/alert_builder.h"
#include "agent/config/config.h"
#include "agent/detect/detectors.h"
#include "agent/rules/ruleset.h"

namespace tensorwarden {

class Analysis {
 public:
  static absl::StatusOr<std::unique_ptr<Analysis>> Create(const AgentConfig& config, std::unique_ptr<RuleSet> rules);
  // Findings come only as events: what tests of rules need.
  static absl::StatusOr<std::unique_ptr<Analysis>> CreateWithoutDetectors(const AgentConfig& config,
                                                                          std::unique_ptr<RuleSet> rules);

  // Appends what the event asks of the sensor, and the alerts that it causes.
  void Take(const Event& event, std::vector<HostEffect>& effects, std::vector<Alert>& alerts);

  const HostModel& host() const { return *host_; }
  size_t rule_count() const { return rules_->Size(); }
  struct RuleSwap {
    std::unique_ptr<RuleSet> former;  // of no use any more
    std::vector<std::string> changed;
  };
  // From the next event on these rules decide. What is the same in both sets goes on where it was; the caller tells the
  // rest by a RuleReload event.
  RuleSwap ReplaceRules(std::unique_ptr<RuleSet> rules);

  // What these rules and the detectors would need.
  RuleNeeds NeedsWith(const RuleSet& rules) const;
  // Kinds of event that some rule or detector looks at.
  RuleNeeds Needs() const { return NeedsWith(*rules_); }
  // The detectors' state as one opaque text, for StateRestored.
  std::string DetectorState() const { return SaveDetectors(detectors_); }
  // What rules remember, likewise.
  std::string RuleState() { return rules_->SaveMemory(); }
  std::vector<RuleMemoryStats> RuleMemory() const { return rules_->MemoryStats(); }
  // What could not be taken back of the last StateRestored; empty when all was.
  const std::string& restore_problem() const { return restore_problem_; }

 private:
  Analysis(std::unique_ptr<HostModel> host, std::unique_ptr<RuleSet> rules, std::unique_ptr<AlertBuilder> builder);

  void Restore(const StateRestored& restored, uint64_t now_ns);
  void MatchRules(const EnrichedEvent& event, std::vector<Alert>& alerts);

  std::unique_ptr<HostModel> host_;
  Detectors detectors_;
  std::unique_ptr<RuleSet> rules_;
  std::unique_ptr<AlertBuilder> builder_;
  std::vector<Finding> findings_;      // reused between events
  std::vector<Detection> detections_;  // reused between events
  std::string restore_problem_;
};

}  // namespace tensorwarden
