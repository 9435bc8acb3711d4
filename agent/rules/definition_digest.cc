#include "agent/rules/definition_digest.h"

#include <fmt/format.h>

#include <string_view>

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/exceptions.h"

namespace tensorwarden::rules {
namespace {

constexpr size_t kMaxListDepth = 32;  // lists within lists; below, a name stands for itself

// With its length, so that two texts cannot run together.
void Put(std::string_view text, std::string& out) { out += fmt::format("{}:{}", text.size(), text); }
void Put(int64_t number, std::string& out) { out += fmt::format("{};", number); }

std::string Short(const std::string& text) {
  const ValueHash hash = *HashOf(FieldValue(std::string_view(text)));
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

void PutOperand(const Operand& operand, std::string& out) {
  Put(static_cast<int64_t>(operand.kind), out);
  Put(operand.name, out);
  Put(operand.has_argument ? 1 : 0, out);
  Put(operand.argument, out);
  Put(static_cast<int64_t>(operand.arguments.size()), out);
  for (const Operand& argument : operand.arguments) PutOperand(argument, out);
}

}  // namespace

ValueHash DefinitionDigests::Of(const RuleDefinition& rule, const RuleMemoryLimits& limits) {
  std::string out;
  PutCondition(rule.condition, out);
  for (const ExceptionDefinition& exception : rule.exceptions) PutCondition(ConditionOf(exception), out);
  if (rule.memory) PutMemory(*rule.memory, limits, out);
  Put("suppress", out);
  for (const ListItem& field : rule.suppress_by) Put(field.text, out);
  Put(static_cast<int64_t>(rule.text.suppress_ns), out);
  return *HashOf(FieldValue(std::string_view(out)));
}

void DefinitionDigests::PutMemory(const MemoryDefinition& memory, const RuleMemoryLimits& limits, std::string& out) {
  Put(static_cast<int64_t>(memory.what.index()), out);
  for (const size_t limit : {limits.keys, limits.values, limits.values_per_key}) Put(static_cast<int64_t>(limit), out);
  for (const ListItem& field : memory.by) Put(field.text, out);
  if (const auto* sequence = std::get_if<SequenceDefinition>(&memory.what)) {
    Put(sequence->within_ns, out);
    for (const StepDefinition& step : sequence->steps) {
      Put(step.negated ? 1 : 0, out);
      PutCondition(step.condition, out);
    }
  } else if (const auto* aggregate = std::get_if<AggregateDefinition>(&memory.what)) {
    Put(static_cast<int64_t>(aggregate->of), out);
    Put(aggregate->field.text, out);
    Put(aggregate->window_ns, out);
    Put(aggregate->over.text(), out);
  } else if (const auto* baseline = std::get_if<BaselineDefinition>(&memory.what)) {
    Put(baseline->of.text, out);
    Put(baseline->learn_ns, out);
    Put(static_cast<int64_t>(baseline->alert), out);
    out += fmt::format("{};", baseline->times);
  }
}

void DefinitionDigests::PutCondition(const MappedText& condition, std::string& out) {
  LexError error;
  const std::optional<Ast> ast = ParseCondition(condition.text(), error, condition.line_ends());
  if (ast) return PutNode(*ast, out);
  Put(condition.text(), out);  // none, as that of a sequence, or an exception without values
}

void DefinitionDigests::PutNode(const Ast& ast, std::string& out) {
  Put(static_cast<int64_t>(ast.kind), out);
  if (ast.kind == Ast::Kind::kCheck) return PutCheck(ast, out);
  if (ast.kind == Ast::Kind::kMacro) return Put(Macro(ast.name), out);
  Put(static_cast<int64_t>(ast.children.size()), out);
  for (const Ast& child : ast.children) PutNode(child, out);
}

void DefinitionDigests::PutCheck(const Ast& check, std::string& out) {
  PutOperand(check.left, out);
  Put(static_cast<int64_t>(check.op), out);
  Put(static_cast<int64_t>(check.modifier), out);
  Put(static_cast<int64_t>(check.values.size()), out);
  for (const Word& word : check.values) {
    const bool names_list = !word.quoted && definitions_.FindList(word.text) != nullptr;
    Put(names_list ? List(word.text, 0) : word.text, out);
    Put(word.quoted ? 1 : 0, out);
  }
  if (check.right) PutOperand(*check.right, out);
}

std::string DefinitionDigests::Macro(const std::string& name) {
  const int index = definitions_.FindMacro(name);
  if (index < 0) return name;
  // One that is being worked out stands for itself: such a circle is an error elsewhere.
  const auto [known, is_new] = macros_.try_emplace(name, name);
  if (!is_new) return known->second;
  std::string out;
  PutCondition(definitions_.macros()[static_cast<size_t>(index)].condition, out);
  return macros_[name] = Short(out);
}

std::string DefinitionDigests::List(const std::string& name, size_t depth) {
  const ListDefinition* list = definitions_.FindList(name);
  if (list == nullptr || depth > kMaxListDepth) return name;
  const auto [known, is_new] = lists_.try_emplace(name, name);
  if (!is_new) return known->second;
  std::string out;
  for (const ListItem& item : list->items) {
    const bool names_list = !item.quoted && item.text != name && definitions_.FindList(item.text) != nullptr;
    Put(names_list ? List(item.text, depth + 1) : item.text, out);
    Put(item.quoted ? 1 : 0, out);
  }
  return lists_[name] = Short(out);
}

}  // namespace tensorwarden::rules
