// The saved state of all rules with memory.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/rules/memory/memory.h"

namespace tensorwarden::rules {

struct RememberingRule {
  std::string_view name;
  ValueHash shape;
  RuleMemory* memory;
  size_t* unsaved_keys;  // gets what the last save left out
};

// Each rule gets an equal part of what the rules before it left of RuleSet::kMaxSavedMemory.
std::string SaveMemories(const std::vector<RememberingRule>& rules, int64_t now_ns);
// As RuleSet::RestoreMemory().
absl::Status RestoreMemories(std::string_view state, const std::vector<RememberingRule>& rules, bool new_boot,
                             int64_t now_ns);

}  // namespace tensorwarden::rules
