#include "agent/author/rule_book.h"

#include "agent/enrich/nearest.h"
#include "agent/rules/exceptions.h"

namespace tensorwarden::author {

using rules::TypedCondition;

RuleBook::RuleBook(const std::vector<RuleFile>& files) : diagnostics_(problems_), definitions_(diagnostics_) {
  for (const RuleFile& file : files) definitions_.Read(sources_.emplace_back(file.path, file.text));
  checker_.emplace(definitions_, program_, diagnostics_);
  checker_->CheckMacros();
  for (const rules::RuleDefinition& definition : definitions_.rules()) {
    BookRule rule = Open(definition);
    if (rule.condition && definition.enabled) {
      index_.Add(static_cast<uint32_t>(rules_.size()), rule.condition->can_hold, rule.anchors);
    } else {
      rule.anchors.clear();  // the index knows nothing of it
    }
    rules_.push_back(std::move(rule));
  }
}

BookRule RuleBook::Open(const rules::RuleDefinition& definition) {
  BookRule rule{.definition = &definition, .condition = std::nullopt, .anchors = {}};
  if (definition.foreign_source) return rule;
  std::optional<TypedCondition> whole = checker_->Check("", definition.condition, definition.skip_if_unknown);
  for (const rules::ExceptionDefinition& exception : definition.exceptions) {
    const rules::MappedText text = rules::ConditionOf(exception);
    if (text.text().empty() || !whole) continue;
    std::optional<TypedCondition> let_pass = checker_->Check("", text, definition.skip_if_unknown);
    if (!let_pass) return rule;
    whole = rules::Chain(TypedCondition::Kind::kAnd, {*std::move(whole), rules::Not(*std::move(let_pass))});
  }
  if (!whole) return rule;
  rule.anchors = rules::FindAnchors(*checker_, *whole, program_);
  rule.condition = std::move(whole);
  return rule;
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
