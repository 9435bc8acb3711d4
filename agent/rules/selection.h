// Which rules of the files are loaded.
#pragma once

#include "agent/rules/definitions.h"

namespace tensorwarden::rules {

// By the rule's own `enabled`, then by the switches in their order, and never below the minimum priority.
bool IsSelected(const RuleDefinition& rule, const RuleOptions& options);

// One warning for each switch that fits no rule at all: it may be misspelt.
void WarnOfIdleSwitches(const Definitions& definitions, const RuleOptions& options, Diagnostics& diagnostics);

}  // namespace tensorwarden::rules
