// Fields and functions by name, to slots of a program.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/condition/condition_lexer.h"
#include "agent/rules/condition/slot.h"

namespace tensorwarden::rules {

struct ResolveError : LexError {
  bool unknown_field = false;
};

// nullopt after an error, whose offset counts as the operand's do.
std::optional<uint32_t> ResolveOperand(const Operand& operand, SlotTable& slots, ResolveError& error);

bool IsText(FieldType type);
bool IsNumber(FieldType type);
// "a number", for messages.
const char* TypeName(FieldType type);

}  // namespace tensorwarden::rules
