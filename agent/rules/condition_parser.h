// Condition text to tree: recursive descent over Falco's grammar.
//
//   condition := and_expr ("or" and_expr)*
//   and_expr  := not_expr ("and" not_expr)*            and binds tighter than or
//   not_expr  := "not"* primary
//   primary   := "(" condition ")" | check | macro
//   check     := field "exists" | field operator value | field ("in" | "intersects" | "pmatch") (list | name | value)
#pragma once

#include <optional>
#include <string_view>

#include "agent/rules/condition_ast.h"
#include "agent/rules/condition_lexer.h"

namespace tensorwarden::rules {

inline constexpr size_t kMaxConditionBytes = 64 << 10;  // the longest public one is 13 kB when expanded
inline constexpr size_t kMaxConditionDepth = 64;        // brackets and nots; bounds the recursion of every later pass

// nullopt after an error; offsets count from the start of `text`.
std::optional<Ast> ParseCondition(std::string_view text, LexError& error);

}  // namespace tensorwarden::rules
