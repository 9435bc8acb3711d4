// Rule files opened up for people: every definition, and every condition by what it was compiled to.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/rules/condition/code_generator.h"
#include "agent/rules/condition/program.h"
#include "agent/rules/condition/type_checker.h"
#include "agent/rules/condition/typed_condition.h"
#include "agent/rules/definitions.h"
#include "agent/rules/rule_index.h"
#include "agent/rules/ruleset.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::author {

// A rule's condition, or a step of its sequence.
struct BookCondition {
  std::string name;  // of a step: "step 1", "not before step 2"
  bool negated = false;
  const rules::MappedText* text = nullptr;
  rules::TypedCondition typed;  // of the last one with the rule's exceptions
  std::vector<rules::Anchor> anchors;
};

struct BookRule {
  const rules::RuleDefinition* definition = nullptr;
  // Empty when there is an error, or the rule is skipped.
  std::vector<BookCondition> conditions;
  bool enabled = false;         // it would run; what is skipped never does
  KindSet counted = kAllKinds;  // events of other kinds lack a field that its memory needs

  KindSet kinds() const;  // that it looks at
  // No event can match, or some step can never happen.
  bool never() const { return FirstNever() != nullptr; }
  // The condition, or step, that no event satisfies; nullptr when there is none.
  const BookCondition* FirstNever() const;
};

class RuleBook {
 public:
  // What is wrong with the files is for RuleSet::Compile to say; here it is left out.
  // `options`: which of the rules would run.
  explicit RuleBook(const std::vector<RuleFile>& files, const RuleOptions& options = {});
  RuleBook(const RuleBook&) = delete;
  RuleBook& operator=(const RuleBook&) = delete;

  const std::deque<rules::SourceFile>& sources() const { return sources_; }
  const rules::Definitions& definitions() const { return definitions_; }
  const std::vector<BookRule>& rules() const { return rules_; }
  // nullptr when there is none.
  const BookRule* Find(std::string_view name) const;
  std::vector<std::string_view> Nearest(std::string_view name) const;
  // The text that the index looks the condition up by; nullptr when it is tried on every event of its kinds.
  const rules::Anchor* IndexKey(const BookCondition& condition) const {
    return index_.Best(condition.anchors, program_.slots());
  }

  // For explanations, which compile parts of conditions again.
  rules::Program& program() { return program_; }
  const rules::Program& program() const { return program_; }
  rules::TypeChecker& checker() { return *checker_; }

 private:
  BookRule Open(const rules::RuleDefinition& definition);
  std::optional<rules::TypedCondition> WithExceptions(const rules::RuleDefinition& definition,
                                                      rules::TypedCondition whole);

  std::deque<rules::SourceFile> sources_;
  std::vector<RuleProblem> problems_;
  rules::Diagnostics diagnostics_;
  rules::Definitions definitions_;
  rules::Program program_;
  std::optional<rules::TypeChecker> checker_;  // made once the definitions are complete
  rules::RuleIndex index_;                     // asked before it is built
  std::vector<BookRule> rules_;
};

}  // namespace tensorwarden::author
