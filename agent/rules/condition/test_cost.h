// What a test costs, in plain comparisons: an estimate, to put the cheap ones first.
#pragma once

#include <cstddef>

#include "agent/rules/condition/program.h"

namespace tensorwarden::rules {

size_t CostOf(const Test& test, const SlotTable& slots);

}  // namespace tensorwarden::rules
