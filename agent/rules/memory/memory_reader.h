// `sequence`, `aggregate` and `baseline` of a rule.
#pragma once

#include <optional>

#include "agent/rules/item_reader.h"
#include "agent/rules/memory/memory_definition.h"

namespace tensorwarden::rules {

// Replaces `memory` when the item has one of the keys. Problems go to the item's diagnostics.
void ReadMemory(ItemReader& item, std::optional<MemoryDefinition>& memory);

}  // namespace tensorwarden::rules
