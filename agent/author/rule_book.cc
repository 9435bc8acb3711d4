#include "agent/author/rule_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/enrich/nearest.h"
#include "agent/rules/exceptions.h"
#include "agent/rules/memory/memory_compiler.h"
#include "agent/rules/output_template.h"
#include "agent/rules/selection.h"

namespace tensorwarden::author {

using rules::TypedCondition;

namespace {

std::vector<BookCondition> ConditionsOf(const rules::RuleDefinition& definition) {
  const auto* sequence = definition.memory ? std::get_if<rules::SequenceDefinition>(&definition.memory->what) : nullptr;
  std::vector<BookCondition> conditions;
  if (sequence == nullptr) {
    conditions.push_back({.text = &definition.condition});
    return conditions;
  }
  size_t number = 1;
  for (const rules::StepDefinition& step : sequence->steps) {
    BookCondition& condition = conditions.emplace_back();
    condition.name = fmt::format("{}step {}", step.negated ? "not before " : "", number);
    condition.negated = step.negated;
    condition.text = &step.condition;
    if (!step.negated) ++number;
  }
  return conditions;
}

}  // namespace

RuleBook::RuleBook(const std::vector<RuleFile>& files, const RuleOptions& options)
    : diagnostics_(problems_), definitions_(diagnostics_) {
  for (const RuleFile& file : files) definitions_.Read(sources_.emplace_back(file.path, file.text));
  checker_.emplace(definitions_, program_, diagnostics_);
  checker_->CheckMacros();
  for (const rules::RuleDefinition& definition : definitions_.rules()) {
    BookRule rule = Open(definition);
    rule.enabled = !rule.conditions.empty() && rules::IsSelected(definition, options);
    for (BookCondition& condition : rule.conditions) {
      if (rule.enabled) {
        index_.Add(0, condition.typed.can_hold & rule.counted, condition.anchors);
      } else {
        condition.anchors.clear();  // the index knows nothing of it
      }
    }
    rules_.push_back(std::move(rule));
  }
}

BookRule RuleBook::Open(const rules::RuleDefinition& definition) {
  BookRule rule{.definition = &definition};
  if (definition.foreign_source) return rule;
  if (definition.skip_if_unknown &&
      !rules::OutputTemplate::Parse("", definition.output, program_.slots(), diagnostics_, true)) {
    return rule;
  }
  if (definition.memory) {
    const std::optional<rules::CompiledMemory> memory =
        rules::CompileMemory(*definition.memory, "", RuleMemoryLimits(), program_.slots(), diagnostics_);
    if (!memory) return rule;
    rule.counted = memory->kinds;
  }
  std::vector<BookCondition> conditions = ConditionsOf(definition);
  for (BookCondition& condition : conditions) {
    std::optional<TypedCondition> typed = checker_->Check("", *condition.text, definition.skip_if_unknown);
    if (typed && &condition == &conditions.back()) typed = WithExceptions(definition, *std::move(typed));
    if (!typed) return rule;
    condition.anchors = rules::FindAnchors(*checker_, *typed, program_);
    condition.typed = *std::move(typed);
  }
  rule.conditions = std::move(conditions);
  return rule;
}

std::optional<TypedCondition> RuleBook::WithExceptions(const rules::RuleDefinition& definition, TypedCondition whole) {
  for (const rules::ExceptionDefinition& exception : definition.exceptions) {
    const rules::MappedText text = rules::ConditionOf(exception);
    if (text.text().empty()) continue;
    std::optional<TypedCondition> let_pass = checker_->Check("", text, definition.skip_if_unknown);
    if (!let_pass) return std::nullopt;
    whole = rules::Chain(TypedCondition::Kind::kAnd, {std::move(whole), rules::Not(*std::move(let_pass))});
  }
  return whole;
}

KindSet BookRule::kinds() const {
  if (never()) return 0;
  KindSet kinds = 0;
  for (const BookCondition& condition : conditions) kinds |= condition.typed.can_hold & counted;
  return kinds;
}

const BookCondition* BookRule::FirstNever() const {
  const auto at = std::find_if(conditions.begin(), conditions.end(), [&](const BookCondition& condition) {
    return !condition.negated && (condition.typed.can_hold & counted) == 0;
  });
  return at == conditions.end() ? nullptr : &*at;
}

const BookRule* RuleBook::Find(std::string_view name) const {
  for (const BookRule& rule : rules_) {
    if (rule.definition->text.name == name) return &rule;
  }
  return nullptr;
}

std::vector<std::string_view> RuleBook::Nearest(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const BookRule& rule : rules_) names.push_back(rule.definition->text.name);
  return NearestNames(name, names);
}

}  // namespace tensorwarden::author
