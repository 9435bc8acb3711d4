// Condition text to tree: recursive descent over Falco's grammar.
//
//   condition := and_expr ("or" and_expr)*
//   and_expr  := not_expr ("and" not_expr)*            and binds tighter than or
//   not_expr  := "not"* primary
//   primary   := "(" condition ")" | check | macro
//   check     := left "exists"
//              | left operator [modifier] (value | right)
//              | left operator modifier (list | list_name)
//              | left ("in" | "intersects" | "pmatch") (list | list_name | value | right)
//   left      := field | function
//   right     := "val(" field ")" | function
//   function  := name "(" argument ("," argument)* ")" ["[" text "]"]
//   argument  := field | function | value | "(" argument ("," argument)* ")"
//   field     := name ("." name)+ ["[" text "]"]
//   modifier  := "oneof" | "anyof" | "allof"
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/condition/condition_lexer.h"

namespace tensorwarden::rules {

inline constexpr size_t kMaxConditionBytes = 64 << 10;  // the longest public one is 13 kB when expanded
inline constexpr size_t kMaxConditionDepth = 64;        // brackets and nots; bounds the recursion of every later pass
inline constexpr size_t kMaxFunctionDepth = 16;         // functions within functions
inline constexpr size_t kMaxFunctionArguments = 64;

// nullopt after an error; offsets count from the start of `text`. `line_ends`: see Lexer.
std::optional<Ast> ParseCondition(std::string_view text, LexError& error, std::span<const size_t> line_ends = {});

// A field or function at the start of `text`, as in a rule's output; `taken` gets its length.
std::optional<Operand> ParseOperand(std::string_view text, size_t& taken, LexError& error);

}  // namespace tensorwarden::rules
