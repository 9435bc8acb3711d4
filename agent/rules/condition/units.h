// Which units a number may have where it is compared with a field.
#pragma once

#include <string>

#include "agent/rules/condition/literal.h"
#include "agent/rules/condition/slot.h"

namespace tensorwarden::rules {

// Why `quantity` is no value of `slot`, as in "5s is a time, and field 'evt.exit_code' is a plain number"; "" when it
// may be one. A number without a unit always may; so may every one where the field's own unit is told by another field,
// and where a field is never filled.
std::string WhyNoValue(const Quantity& quantity, const std::string& text, const Slot& slot);

}  // namespace tensorwarden::rules
