// A field or function that stands alone in a rule file, as in by: [proc.name].
#pragma once

#include <optional>
#include <string>

#include "agent/rules/condition/slot.h"
#include "agent/rules/list_item.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

// Its slot. nullopt after an error, which starts with `subject`: "rule 'x': suppress: ".
std::optional<uint32_t> ResolveNamedField(const ListItem& item, const std::string& subject, SlotTable& slots,
                                          Diagnostics& diagnostics);
std::optional<std::vector<uint32_t>> ResolveNamedFields(const std::vector<ListItem>& items, const std::string& subject,
                                                        SlotTable& slots, Diagnostics& diagnostics);

}  // namespace tensorwarden::rules
