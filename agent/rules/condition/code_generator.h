// Typed conditions to code.
#pragma once

#include <cstdint>

#include "agent/enrich/kinds.h"
#include "agent/rules/condition/program.h"
#include "agent/rules/condition/type_checker.h"

namespace tensorwarden::rules {

// Appends the code of `condition` for events of `kinds`: what always holds of them, or never does, is left out. Returns
// its entry, which is kReject or kAccept where nothing is left.
uint32_t Generate(const TypeChecker& checker, const TypedCondition& condition, KindSet kinds, Program& program);

}  // namespace tensorwarden::rules
