#include "agent/rules/condition/named_field.h"

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/condition/operand_resolver.h"

namespace tensorwarden::rules {

std::optional<uint32_t> ResolveNamedField(const ListItem& item, const std::string& subject, SlotTable& slots,
                                          Diagnostics& diagnostics) {
  LexError error;
  ResolveError unresolved;
  size_t taken = 0;
  const std::optional<Operand> operand = ParseOperand(item.text, taken, error);
  std::optional<uint32_t> slot;
  if (operand && taken == item.text.size()) slot = ResolveOperand(*operand, slots, unresolved);
  if (slot) return slot;
  const std::string& why = !operand ? error.message : unresolved.message;
  diagnostics.Error(item.place, subject + (why.empty() ? "one field each" : why));
  return std::nullopt;
}

std::optional<std::vector<uint32_t>> ResolveNamedFields(const std::vector<ListItem>& items, const std::string& subject,
                                                        SlotTable& slots, Diagnostics& diagnostics) {
  std::vector<uint32_t> fields;
  for (const ListItem& item : items) {
    const std::optional<uint32_t> slot = ResolveNamedField(item, subject, slots, diagnostics);
    if (!slot) return std::nullopt;
    fields.push_back(*slot);
  }
  return fields;
}

}  // namespace tensorwarden::rules
