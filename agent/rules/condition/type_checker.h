// Looks up what conditions name, and types them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/rules/condition/check_context.h"
#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/condition/operand_resolver.h"
#include "agent/rules/condition/program.h"
#include "agent/rules/condition/test_builder.h"
#include "agent/rules/condition/typed_condition.h"
#include "agent/rules/condition/value_lists.h"
#include "agent/rules/definitions.h"

namespace tensorwarden::rules {

class TypeChecker {
 public:
  static constexpr size_t kMaxSize = 100'000;   // of one condition, macros expanded
  static constexpr size_t kMaxDepth = 512;      // bounds the recursion of code generation
  static constexpr size_t kMaxMacroDepth = 32;  // macros within macros

  TypeChecker(const Definitions& definitions, Program& program, Diagnostics& diagnostics);

  // Checks every macro. Of one that no rule of ours needs only bad syntax is an error, the rest a warning.
  void CheckMacros();
  // nullopt after an error, which starts with `subject`: "rule 'x': ". With `tolerates_unknown`, a field that is not
  // known is a warning, and the result nullopt too.
  std::optional<TypedCondition> Check(const std::string& subject, const MappedText& condition,
                                      bool tolerates_unknown = false);
  // Types a part of a condition that Check() has taken, with its text; nullopt when it has an error after all, of which
  // nobody hears.
  std::optional<TypedCondition> CheckPart(const MappedText& text, const Ast& part);
  const TypedCondition& Macro(uint32_t index) const { return *macros_[index].condition; }

 private:
  enum class State : uint8_t { kUnseen, kOpen, kDone };
  struct MacroEntry {
    State state = State::kUnseen;
    std::optional<TypedCondition> condition;  // nullopt when it has an error
  };

  std::optional<TypedCondition> Visit(const CheckContext& context, const Ast& ast);
  std::optional<TypedCondition> VisitChildren(const CheckContext& context, const Ast& ast);
  std::optional<TypedCondition> VisitMacro(const CheckContext& context, const Ast& ast);
  std::optional<TypedCondition> VisitCheck(const CheckContext& context, const Ast& ast);
  std::optional<uint32_t> SlotOf(const CheckContext& context, const Operand& operand);
  bool OpenMacro(int index);

  const Definitions& definitions_;
  Program& program_;
  Diagnostics& diagnostics_;
  TestBuilder tests_;
  ValueLists values_;
  std::vector<MacroEntry> macros_;
  std::vector<std::string_view> open_macros_;  // that are being checked, each within the one before
  bool idle_ = false;                          // checking macros that nothing needs
};

}  // namespace tensorwarden::rules
