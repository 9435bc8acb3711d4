// Why no event satisfies a condition, for the message about it.
#pragma once

#include <string>

#include "agent/enrich/kinds.h"
#include "agent/rules/condition/type_checker.h"
#include "agent/rules/definitions.h"

namespace tensorwarden::rules {

// "no kind of event fits all of 'evt.type' (process_exec) and 'gpu.major' (device_open, gpu_call)".
//
// `condition` is the rule's own or that of a step, and has no error. `counted`: kinds of event that have what the
// rule's memory counts by.
std::string WhyNever(const RuleDefinition& rule, const MappedText& condition, KindSet counted,
                     const Definitions& definitions, TypeChecker& checker);

}  // namespace tensorwarden::rules
