#include "agent/rules/macro_use.h"

#include <optional>
#include <utility>
#include <variant>

#include "agent/rules/condition/condition_parser.h"

namespace tensorwarden::rules {
namespace {

class MacroUse {
 public:
  explicit MacroUse(const Definitions& definitions)
      : definitions_(definitions), needed_(definitions.macros().size(), false) {}

  void Read(const MappedText& condition) {
    LexError error;
    const std::optional<Ast> ast = ParseCondition(condition.text(), error, condition.line_ends());
    if (ast) Visit(*ast);
  }

  // Macros may name others, in chains of any length.
  std::vector<bool> Finish() {
    while (!unread_.empty()) {
      const size_t macro = unread_.back();
      unread_.pop_back();
      Read(definitions_.macros()[macro].condition);
    }
    return std::move(needed_);
  }

 private:
  void Visit(const Ast& ast) {
    for (const Ast& child : ast.children) Visit(child);
    if (ast.kind != Ast::Kind::kMacro) return;
    const int index = definitions_.FindMacro(ast.name);
    if (index < 0 || needed_[static_cast<size_t>(index)]) return;
    needed_[static_cast<size_t>(index)] = true;
    unread_.push_back(static_cast<size_t>(index));
  }

  const Definitions& definitions_;
  std::vector<bool> needed_;
  std::vector<size_t> unread_;
};

}  // namespace

std::vector<bool> NeededMacros(const Definitions& definitions) {
  MacroUse use(definitions);
  for (const RuleDefinition& rule : definitions.rules()) {
    if (rule.foreign_source) continue;
    use.Read(rule.condition);
    const auto* sequence = rule.memory ? std::get_if<SequenceDefinition>(&rule.memory->what) : nullptr;
    if (sequence == nullptr) continue;
    for (const StepDefinition& step : sequence->steps) use.Read(step.condition);
  }
  return use.Finish();
}

}  // namespace tensorwarden::rules
