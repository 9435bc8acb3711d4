// `sequence`: fires when steps happen one after the other, within a time, to one key.
#pragma once

#include <memory>
#include <vector>

#include "agent/rules/memory/memory.h"

namespace tensorwarden::rules {

struct SequenceStep {
  uint32_t happens = 0;  // the condition's bit among the hits
  uint32_t barred = 0;   // bits of what must not happen between the step before and this one
};

std::unique_ptr<RuleMemory> MakeSequence(std::vector<SequenceStep> steps, int64_t within_ns,
                                         const RuleMemoryLimits& limits);

}  // namespace tensorwarden::rules
