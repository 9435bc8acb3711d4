// Comparing one value with another: what tests on literals and tests between fields share.
#pragma once

#include <algorithm>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/enrich/field_table.h"
#include "agent/rules/condition/program.h"

namespace tensorwarden::rules {

// Both for "!=" too say whether the values are equal: see AnyElement.
bool CompareTexts(TestOp op, std::string_view left, std::string_view right);
inline bool CompareNumbers(TestOp op, double left, double right) {
  switch (op) {
    case TestOp::kNumberEqual:
    case TestOp::kNumberNotEqual:
    case TestOp::kNumberIn:
      return left == right;
    case TestOp::kNumberLess:
      return left < right;
    case TestOp::kNumberLessEqual:
      return left <= right;
    case TestOp::kNumberGreater:
      return left > right;
    case TestOp::kNumberGreaterEqual:
      return left >= right;
    default:
      return false;
  }
}
// Elements of lists against elements of lists; false when either is missing, or their types differ.
bool HoldsBetween(TestOp op, const FieldValue& left, const FieldValue& right);

// Of a list, any element will do; `negated` then means that no element is equal. False when `value` is missing.
template <typename T, typename Predicate>
bool AnyElement(const FieldValue& value, bool negated, Predicate holds) {
  if (const T* single = std::get_if<T>(&value)) return holds(*single) != negated;
  const auto* list = std::get_if<std::vector<T>>(&value);
  return list != nullptr && std::any_of(list->begin(), list->end(), holds) != negated;
}

}  // namespace tensorwarden::rules
