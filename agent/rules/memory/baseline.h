// `baseline`: learns what is usual for a key, then fires on what is not.
#pragma once

#include <memory>

#include "agent/rules/memory/memory.h"
#include "agent/rules/memory/memory_definition.h"

namespace tensorwarden::rules {

struct BaselineSpec {
  uint32_t of = 0;  // slot
  int64_t learn_ns = 0;
  BaselineDefinition::Alert alert = BaselineDefinition::Alert::kUnseen;
  double times = 1;
  RuleMemoryLimits limits;
};

std::unique_ptr<RuleMemory> MakeBaseline(const BaselineSpec& spec);

}  // namespace tensorwarden::rules
