// The values of a check, lists by name expanded.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "agent/rules/condition/check_context.h"
#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/definitions.h"

namespace tensorwarden::rules {

class ValueLists {
 public:
  static constexpr size_t kMaxLiterals = 4'000'000;  // values of all lists of all conditions

  explicit ValueLists(const Definitions& definitions) : definitions_(definitions) {}

  // nullopt after an error.
  std::optional<std::vector<Word>> Of(const CheckContext& context, const Ast& ast);

 private:
  bool Expand(const CheckContext& context, const Word& name, const Place& place, std::vector<Word>& values);
  void WarnIfMisspelt(const CheckContext& context, const Word& word);

  const Definitions& definitions_;
  std::vector<std::string_view> open_;  // lists that are being expanded, each within the one before
  size_t literals_ = 0;
  size_t spellings_ = 0;
};

}  // namespace tensorwarden::rules
