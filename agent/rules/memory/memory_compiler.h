// From what a rule file says of a rule's memory to the memory itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/enrich/kinds.h"
#include "agent/rules/condition/slot.h"
#include "agent/rules/memory/memory.h"
#include "agent/rules/memory/memory_definition.h"

namespace tensorwarden::rules {

struct CompiledMemory {
  std::unique_ptr<RuleMemory> memory;
  std::vector<uint32_t> by;   // slots
  KindSet kinds = kAllKinds;  // events of other kinds lack a field that is needed, and do not count
  ValueHash shape;            // what must be the same for a saved state to fit
};

// nullopt after an error, which starts with `subject`: "rule 'x': ".
std::optional<CompiledMemory> CompileMemory(const MemoryDefinition& definition, const std::string& subject,
                                            const RuleMemoryLimits& limits, SlotTable& slots, Diagnostics& diagnostics);

}  // namespace tensorwarden::rules
