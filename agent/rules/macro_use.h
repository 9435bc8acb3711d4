// Which macros the rules that can run need.
#pragma once

#include <vector>

#include "agent/rules/definitions.h"

namespace tensorwarden::rules {

// By index of macros(): some rule names it, or a macro that some rule needs. Rules of other sources do not count.
std::vector<bool> NeededMacros(const Definitions& definitions);

}  // namespace tensorwarden::rules
