// An event of a capture, and what rules make of it.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <utility>
#include <vector>

#include "agent/author/explain.h"
#include "agent/config/config.h"

namespace tensorwarden::author {

// The event itself, or a finding that it caused.
struct ExplainedEvent {
  std::string kind;
  std::string operation;
  std::vector<std::pair<std::string, std::string>> facts;  // what it is about: process, file, finding
  std::vector<Verdict> verdicts;                           // of the rules that look at this kind, in file order
};

struct ExplainSetting {
  const AgentConfig& config;
  const std::vector<RuleFile>& files;
  const RuleOptions& options;  // which of the rules run
};

// Replays `capture` up to event `number`. `rule`: only that one, whatever kinds it looks at; "" all that could match.
// Errors: NotFound when the capture has no such event, or the files no such rule; the capture's.
absl::StatusOr<std::vector<ExplainedEvent>> ExplainEvent(const ExplainSetting& setting, const std::string& capture,
                                                         uint64_t number, const std::string& rule);

}  // namespace tensorwarden::author
