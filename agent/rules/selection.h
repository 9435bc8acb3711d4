// Which rules of the files are loaded.
#pragma once

#include "agent/rules/definitions.h"

namespace tensorwarden::rules {

// By the rule's own `enabled`, then by the switches in their order, and never below the minimum priority.
bool IsSelected(const RuleDefinition& rule, const RuleOptions& options);

}  // namespace tensorwarden::rules
