#include "agent/rules/condition/compare.h"

#include <cmath>

#include "agent/rules/condition/literal.h"

namespace tensorwarden::rules {

bool CompareTexts(TestOp op, std::string_view left, std::string_view right) {
  switch (op) {
    case TestOp::kTextEqual:
    case TestOp::kTextNotEqual:
    case TestOp::kTextIn:
      return left == right;
    case TestOp::kContains:
      return left.find(right) != std::string_view::npos;
    case TestOp::kIContains:
      return ContainsIgnoringCase(left, right);
    case TestOp::kStartsWith:
      return left.starts_with(right);
    case TestOp::kEndsWith:
      return left.ends_with(right);
    case TestOp::kGlob:
      return GlobMatch(right, left);
    case TestOp::kIGlob:
      return GlobMatch(right, ToLower(left));
    case TestOp::kPathMatch:
      return PathBelow(left, right);
    default:
      return false;
  }
}

namespace {

// A number that exists and is not known.
bool IsUnknown(const FieldValue& value) {
  const double* number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

// "!=" holds when no element of the one is in the other.
template <typename T, typename Compare>
bool Between(bool negated, const FieldValue& left, const FieldValue& right, Compare compare) {
  const bool has_right = std::holds_alternative<T>(right) || std::holds_alternative<std::vector<T>>(right);
  return has_right && AnyElement<T>(left, negated, [&](const T& l) {
           return AnyElement<T>(right, false, [&](const T& r) { return compare(l, r); });
         });
}

}  // namespace

bool HoldsBetween(TestOp op, const FieldValue& left, const FieldValue& right) {
  if (op == TestOp::kBoolEqual) {
    const bool* l = std::get_if<bool>(&left);
    const bool* r = std::get_if<bool>(&right);
    return l != nullptr && r != nullptr && *l == *r;
  }
  if (op < TestOp::kTextEqual) {
    if (IsUnknown(left) || IsUnknown(right)) return false;
    return Between<double>(op == TestOp::kNumberNotEqual, left, right,
                           [op](double l, double r) { return CompareNumbers(op, l, r); });
  }
  const bool folded = op == TestOp::kIContains || op == TestOp::kIGlob;
  return Between<std::string_view>(op == TestOp::kTextNotEqual, left, right,
                                   [op, folded](std::string_view l, std::string_view r) {
                                     return folded ? CompareTexts(op, l, ToLower(r)) : CompareTexts(op, l, r);
                                   });
}

}  // namespace tensorwarden::rules
