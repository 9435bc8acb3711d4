// One check of a condition, as tests of the program.
#pragma once

#include <optional>
#include <vector>

#include "agent/rules/condition/check_context.h"
#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/condition/program.h"
#include "agent/rules/condition/typed_condition.h"

namespace tensorwarden::rules {

class TestBuilder {
 public:
  explicit TestBuilder(Program& program) : program_(program) {}

  // `values`: of the check, lists expanded. nullopt after an error.
  std::optional<TypedCondition> WithValues(const CheckContext& context, const Ast& ast, uint32_t slot,
                                           const std::vector<Word>& values);
  // The value of `right` stands on the right.
  std::optional<TypedCondition> WithSlot(const CheckContext& context, const Ast& ast, uint32_t slot, uint32_t right);
  // evt.type and its like, by kinds and operations.
  std::optional<TypedCondition> EventType(const CheckContext& context, const Ast& ast, const std::vector<Word>& values);

 private:
  struct Check {
    const CheckContext& context;
    const Ast& ast;
    uint32_t slot;
    FieldContent content;
  };
  std::optional<TypedCondition> Single(const Check& check, const std::vector<Word>& values);
  std::optional<TypedCondition> Bool(const Check& check, const Word& value);
  std::optional<TypedCondition> Number(const Check& check, const std::vector<Word>& values);
  std::optional<double> NumberOf(const Check& check, const Word& value) const;
  TypedCondition AtLeastZero(const Check& check, double number);
  std::optional<TypedCondition> Text(const Check& check, const std::vector<Word>& values);
  std::optional<TypedCondition> Address(const Check& check, std::vector<Word> values);
  bool FitsType(const Check& check) const;
  TypedCondition Add(Test test, uint32_t slot);

  Program& program_;
};

}  // namespace tensorwarden::rules
