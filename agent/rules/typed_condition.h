// Conditions with every name looked up and every value checked against its field's type.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/enrich/kinds.h"
#include "agent/rules/condition_ast.h"
#include "agent/rules/definitions.h"
#include "agent/rules/program.h"

namespace tensorwarden::rules {

struct TypedCondition {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kTest, kMacro, kNever };
  Kind kind = Kind::kTest;
  uint32_t index = 0;  // kTest: of the program's tests; kMacro: of the macros
  std::vector<TypedCondition> children;
  KindSet can_hold = kAllKinds;  // events of other kinds never satisfy it
  KindSet can_fail = kAllKinds;  // events of other kinds always satisfy it
  size_t size = 1;               // nodes, macros expanded
  size_t depth = 1;              // levels, macros expanded
};

class TypeChecker {
 public:
  static constexpr size_t kMaxSize = 100'000;        // of one condition, macros expanded
  static constexpr size_t kMaxDepth = 512;           // bounds the recursion of code generation
  static constexpr size_t kMaxMacroDepth = 32;       // macros within macros
  static constexpr size_t kMaxLiterals = 4'000'000;  // values of all lists of all conditions

  TypeChecker(const Definitions& definitions, Program& program, Diagnostics& diagnostics);

  // Checks every macro, used or not.
  void CheckMacros();
  // nullopt after an error, which starts with `subject`: "rule 'x': ".
  std::optional<TypedCondition> Check(const std::string& subject, const MappedText& condition);
  const TypedCondition& Macro(uint32_t index) const { return *macros_[index].condition; }

 private:
  enum class State : uint8_t { kUnseen, kOpen, kDone };
  struct MacroEntry {
    State state = State::kUnseen;
    std::optional<TypedCondition> condition;  // nullopt when it has an error
  };
  struct Context {
    const std::string& subject;
    const MappedText& text;
  };

  std::optional<TypedCondition> Visit(const Context& context, const Ast& ast);
  std::optional<TypedCondition> VisitChildren(const Context& context, const Ast& ast);
  std::optional<TypedCondition> VisitMacro(const Context& context, const Ast& ast);
  std::optional<TypedCondition> VisitCheck(const Context& context, const Ast& ast);
  std::optional<TypedCondition> VisitEventType(const Context& context, const Ast& ast);
  std::optional<Test> BuildTest(const Context& context, const Ast& ast, const FieldSpec& field);
  std::optional<Test> BuildBool(const Context& context, const Ast& ast);
  std::optional<Test> BuildNumber(const Context& context, const Ast& ast);
  std::optional<Test> BuildText(const Context& context, const Ast& ast);
  // The values of a check, lists by name expanded.
  std::optional<std::vector<Word>> ValuesOf(const Context& context, const Ast& ast);
  bool ExpandList(const Context& context, const Word& name, size_t depth, std::vector<Word>& values);
  void WarnIfMisspelt(const Context& context, const Word& word);
  const FieldSpec* FieldOf(const Context& context, const Ast& ast);
  bool OpenMacro(int index);

  std::nullopt_t Fail(const Context& context, size_t offset, const std::string& message);

  const Definitions& definitions_;
  Program& program_;
  Diagnostics& diagnostics_;
  std::vector<MacroEntry> macros_;
  size_t open_macros_ = 0;
  size_t literals_ = 0;
};

}  // namespace tensorwarden::rules
