#include "agent/rules/condition/test_cost.h"

namespace tensorwarden::rules {
namespace {

size_t CostOfSlot(const SlotTable& slots, uint32_t index) {
  const Slot& slot = slots[index];
  if (slot.field != nullptr) {
    // Lists are walks over ancestors; arguments of calls are put together.
    const bool is_list = slot.type == FieldType::kStringList || slot.type == FieldType::kNumberList;
    return is_list || slot.field->takes_argument ? 4 : 1;
  }
  size_t cost = 6;  // a new text
  for (const SlotArgument& argument : slot.arguments) {
    if (!argument.is_text) cost += CostOfSlot(slots, argument.index);
  }
  return cost;
}

size_t CostOfOp(TestOp op) {
  switch (op) {
    case TestOp::kContains:
      return 4;
    case TestOp::kIContains:
    case TestOp::kGlob:
    case TestOp::kPathMatch:
    case TestOp::kNetwork:
      return 8;
    case TestOp::kIGlob:
    case TestOp::kPathGlob:
      return 16;
    case TestOp::kRegex:
      return 32;
    default:
      return 1;
  }
}

}  // namespace

size_t CostOf(const Test& test, const SlotTable& slots) {
  return CostOfOp(test.op) + CostOfSlot(slots, test.slot) + (test.with_slot ? CostOfSlot(slots, test.literal) : 0);
}

}  // namespace tensorwarden::rules
