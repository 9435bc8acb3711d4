#include "agent/rules/condition/type_checker.h"

#include <fmt/format.h>

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/macro_use.h"

namespace tensorwarden::rules {
namespace {

// These are compared by kinds and operations, not as texts.
bool IsEventType(const Ast& ast) {
  const Operand& left = ast.left;
  const bool named = left.kind == Operand::Kind::kField && !left.has_argument &&
                     (left.name == "evt.type" || left.name == "evt.kind" || left.name == "syscall.type");
  return named && !ast.right && ast.modifier == Modifier::kNone &&
         (ast.op == Operator::kEqual || ast.op == Operator::kNotEqual || ast.op == Operator::kIn ||
          ast.op == Operator::kIntersects);
}

}  // namespace

TypeChecker::TypeChecker(const Definitions& definitions, Program& program, Diagnostics& diagnostics)
    : definitions_(definitions),
      program_(program),
      diagnostics_(diagnostics),
      tests_(program),
      values_(definitions),
      macros_(definitions.macros().size()) {}

void TypeChecker::CheckMacros() {
  const std::vector<bool> needed = NeededMacros(definitions_);
  for (const bool idle : {false, true}) {
    idle_ = idle;
    for (size_t i = 0; i < macros_.size(); ++i) {
      if (needed[i] != idle) OpenMacro(static_cast<int>(i));
    }
  }
  idle_ = false;
}

// Checks macro `index` unless that was done. False when it is open already: it uses itself.
bool TypeChecker::OpenMacro(int index) {
  MacroEntry& entry = macros_[static_cast<size_t>(index)];
  if (entry.state == State::kOpen) return false;
  if (entry.state == State::kDone) return true;
  entry.state = State::kOpen;
  const MacroDefinition& macro = definitions_.macros()[static_cast<size_t>(index)];
  open_macros_.push_back(macro.name);
  entry.condition = Check(fmt::format("macro '{}': ", Printable(macro.name)), macro.condition);
  open_macros_.pop_back();
  entry.state = State::kDone;
  return true;
}

std::optional<TypedCondition> TypeChecker::Check(const std::string& subject, const MappedText& condition,
                                                 bool tolerates_unknown) {
  CheckContext context{subject, condition, diagnostics_, tolerates_unknown};
  LexError error;
  const std::optional<Ast> ast = ParseCondition(condition.text(), error, condition.line_ends());
  if (!ast) return context.Fail(error);
  context.idle = idle_;
  return Visit(context, *ast);
}

std::optional<TypedCondition> TypeChecker::CheckPart(const MappedText& text, const Ast& part) {
  std::vector<RuleProblem> unused;
  Diagnostics diagnostics(unused);
  return Visit(CheckContext{"", text, diagnostics}, part);
}

std::optional<TypedCondition> TypeChecker::Visit(const CheckContext& context, const Ast& ast) {
  std::optional<TypedCondition> typed;
  switch (ast.kind) {
    case Ast::Kind::kMacro:
      typed = VisitMacro(context, ast);
      break;
    case Ast::Kind::kCheck:
      typed = VisitCheck(context, ast);
      break;
    default:
      typed = VisitChildren(context, ast);
  }
  if (typed && typed->size > kMaxSize) return context.Fail(ast.offset, "condition is too large with its macros");
  if (typed && typed->depth > kMaxDepth) return context.Fail(ast.offset, "condition nests too deep with its macros");
  return typed;
}

std::optional<TypedCondition> TypeChecker::VisitChildren(const CheckContext& context, const Ast& ast) {
  std::vector<TypedCondition> children;
  for (const Ast& operand : ast.children) {
    std::optional<TypedCondition> child = Visit(context, operand);
    if (!child) return std::nullopt;
    children.push_back(std::move(*child));
  }
  if (ast.kind == Ast::Kind::kNot) return Not(std::move(children[0]));
  return Chain(ast.kind == Ast::Kind::kAnd ? TypedCondition::Kind::kAnd : TypedCondition::Kind::kOr,
               std::move(children));
}

std::optional<TypedCondition> TypeChecker::VisitMacro(const CheckContext& context, const Ast& ast) {
  const int index = definitions_.FindMacro(ast.name);
  if (index < 0) {
    return context.Fail(ast.offset, fmt::format("unknown macro '{}'{}", Printable(ast.name),
                                                DidYouMean(definitions_.NearestMacros(ast.name))));
  }
  if (open_macros_.size() > kMaxMacroDepth) {
    return context.Fail(ast.offset, fmt::format("macros nest deeper than {}", kMaxMacroDepth));
  }
  if (!OpenMacro(index)) {
    return context.Fail(
        ast.offset, fmt::format("macro '{}' uses itself: {}", Printable(ast.name), CycleText(open_macros_, ast.name)));
  }
  const std::optional<TypedCondition>& macro = macros_[static_cast<size_t>(index)].condition;
  if (!macro) return context.Fail(ast.offset, fmt::format("macro '{}' has an error", Printable(ast.name)));
  if (macro->kind == TypedCondition::Kind::kNever) return Never();
  if (macro->kind == TypedCondition::Kind::kAlways) return Always();
  TypedCondition typed;
  typed.kind = TypedCondition::Kind::kMacro;
  typed.index = static_cast<uint32_t>(index);
  typed.can_hold = macro->can_hold;
  typed.can_fail = macro->can_fail;
  typed.size = macro->size + 1;
  typed.depth = macro->depth + 1;
  typed.cost = macro->cost;
  return typed;
}

std::optional<uint32_t> TypeChecker::SlotOf(const CheckContext& context, const Operand& operand) {
  ResolveError error;
  const std::optional<uint32_t> slot = ResolveOperand(operand, program_.slots(), error);
  if (slot) return slot;
  if (!context.tolerates_unknown || !error.unknown_field) return context.Fail(error);
  context.Warn(error.offset, error.message + "; the rule is skipped");
  return std::nullopt;
}

std::optional<TypedCondition> TypeChecker::VisitCheck(const CheckContext& context, const Ast& ast) {
  const std::optional<uint32_t> left = SlotOf(context, ast.left);
  if (!left) return std::nullopt;
  if (ast.right) {
    const std::optional<uint32_t> right = SlotOf(context, *ast.right);
    if (!right) return std::nullopt;
    return tests_.WithSlot(context, ast, *left, *right);
  }
  const std::optional<std::vector<Word>> values = values_.Of(context, ast);
  if (!values) return std::nullopt;
  if (IsEventType(ast)) return tests_.EventType(context, ast, *values);
  return tests_.WithValues(context, ast, *left, *values);
}

}  // namespace tensorwarden::rules
