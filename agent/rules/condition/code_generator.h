// Typed conditions to code.
#pragma once

#include <cstdint>

#include "agent/rules/condition/program.h"
#include "agent/rules/condition/type_checker.h"

namespace tensorwarden::rules {

// Appends the code of `condition`. Returns its entry, which is kReject or kAccept where the condition is constant.
uint32_t Generate(const TypeChecker& checker, const TypedCondition& condition, Program& program);

}  // namespace tensorwarden::rules
