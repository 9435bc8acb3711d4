// Typed conditions to code, and what the index can know about them.
#pragma once

#include <string_view>
#include <vector>

#include "agent/rules/condition/program.h"
#include "agent/rules/condition/type_checker.h"

namespace tensorwarden::rules {

// Appends the code of `condition`. Returns its entry, which is kReject or kAccept where the condition is constant.
uint32_t Generate(const TypeChecker& checker, const TypedCondition& condition, Program& program);

// A text that the condition cannot hold without: the field in `slot` equals one of `texts`.
struct Anchor {
  uint32_t slot = 0;
  std::vector<std::string_view> texts;
};
// All anchors of the condition; none when it could hold whatever its texts are.
std::vector<Anchor> FindAnchors(const TypeChecker& checker, const TypedCondition& condition, const Program& program);

}  // namespace tensorwarden::rules
