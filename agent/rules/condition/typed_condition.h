// Conditions with every name looked up and every value checked against its field's type. What is always true or false
// is folded away, and what is cheap to test stands before what is not.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/enrich/kinds.h"

namespace tensorwarden::rules {

struct TypedCondition {
  enum class Kind : uint8_t { kAnd, kOr, kExactlyOne, kNot, kTest, kMacro, kNever, kAlways };
  Kind kind = Kind::kTest;
  uint32_t index = 0;  // kTest: of the program's tests; kMacro: of the macros
  std::vector<TypedCondition> children;
  KindSet can_hold = kAllKinds;  // events of other kinds never satisfy it
  KindSet can_fail = kAllKinds;  // events of other kinds always satisfy it
  size_t size = 1;               // nodes, macros expanded
  size_t depth = 1;              // levels, macros expanded
  size_t cost = 1;               // to evaluate, in plain comparisons; an estimate
};

TypedCondition Never();
TypedCondition Always();
TypedCondition Not(TypedCondition inner);
// kAnd, kOr or kExactlyOne of `children`.
TypedCondition Chain(TypedCondition::Kind kind, std::vector<TypedCondition> children);

}  // namespace tensorwarden::rules
