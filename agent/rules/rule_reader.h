// The keys of one rule.
#pragma once

#include "agent/rules/definitions.h"
#include "agent/rules/item_reader.h"

namespace tensorwarden::rules {

// Fills in, or changes, `rule` by the keys of `item`. Problems go to the item's diagnostics.
void ReadRuleKeys(ItemReader& item, RuleDefinition& rule);

}  // namespace tensorwarden::rules
