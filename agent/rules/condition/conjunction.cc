#include "agent/rules/condition/conjunction.h"

#include <optional>
#include <utility>

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/condition/type_checker.h"

namespace tensorwarden::rules {

Conjunction::Conjunction(const MappedText& condition, const Definitions& definitions) : definitions_(definitions) {
  Open(condition, false, 0);
}

Conjunction::Conjunction(const Ast& part, const MappedText& text, bool negated, const Definitions& definitions)
    : definitions_(definitions) {
  Add(part, text, negated, 0);
}

void Conjunction::Open(const MappedText& text, bool negated, size_t depth) {
  LexError error;
  std::optional<Ast> ast = ParseCondition(text.text(), error, text.line_ends());
  if (ast) Add(asts_.emplace_back(*std::move(ast)), text, negated, depth);
}

void Conjunction::Add(const Ast& ast, const MappedText& text, bool negated, size_t depth) {
  if (parts_.size() == kMaxParts) return;
  if (ast.kind == Ast::Kind::kNot) return Add(ast.children[0], text, !negated, depth);
  // "not (a or b)" is "not a and not b".
  if (ast.kind == (negated ? Ast::Kind::kOr : Ast::Kind::kAnd)) {
    for (const Ast& child : ast.children) Add(child, text, negated, depth);
    return;
  }
  const int macro = ast.kind == Ast::Kind::kMacro ? definitions_.FindMacro(ast.name) : -1;
  if (macro < 0) {
    parts_.push_back({&ast, &text, negated});
  } else if (depth < TypeChecker::kMaxMacroDepth) {
    Open(definitions_.macros()[static_cast<size_t>(macro)].condition, negated, depth + 1);
  }
}

}  // namespace tensorwarden::rules
