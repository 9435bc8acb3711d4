// `aggregate`: fires when what a key's events add up to within a window passes a threshold.
#pragma once

#include <memory>
#include <optional>

#include "agent/rules/memory/memory.h"
#include "agent/rules/memory/memory_definition.h"

namespace tensorwarden::rules {

struct AggregateSpec {
  AggregateDefinition::Of of = AggregateDefinition::Of::kCount;
  uint32_t field = 0;  // slot, of kSum and kDistinct
  int64_t window_ns = 0;
  double over = 0;
  std::optional<uint32_t> over_of;  // slot: the threshold is `over` times this field of the event
  RuleMemoryLimits limits;
};

// Of different values only the last over + 1 are kept, which is as many as it takes to know.
inline constexpr double kMaxDistinct = 1000;

std::unique_ptr<RuleMemory> MakeAggregate(const AggregateSpec& spec);

}  // namespace tensorwarden::rules
