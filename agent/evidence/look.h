// One look at a process: its descriptors, its mappings, its stack in terms of files.
#pragma once

#include <vector>

#include "agent/evidence/collector.h"
#include "agent/evidence/stack.h"

namespace tensorwarden {

struct Look {
  Collected found;  // all but the stack
  LocatedStack stack;
  std::vector<UniqueFd> modules;  // files of stack.request; fewer than it asks for: nobody is to be asked
};

// What could not be seen stands in found.evidence.missing.
Look LookAt(const EvidenceConfig& config, const EvidenceWish& wish);

// Asks the helper for names and completes the evidence.
Collected Finish(Look look, SymbolClient& symbols);

// What is known without looking: the addresses.
Collected Bare(const EvidenceWish& wish, const std::string& why);

}  // namespace tensorwarden
