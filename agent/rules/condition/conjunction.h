// What must hold all at once for a condition to hold: the parts that "and" joins, also within macros and behind "not".
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/definitions.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

struct Conjunct {
  const Ast* ast = nullptr;          // a check, or alternatives
  const MappedText* text = nullptr;  // that it stands in
  bool negated = false;              // it must not hold
};

class Conjunction {
 public:
  static constexpr size_t kMaxParts = 1000;  // further ones are left out: macros within macros can multiply

  // All arguments must outlive this. Nothing is left of a condition with an error.
  Conjunction(const MappedText& condition, const Definitions& definitions);
  // Of a part of a condition.
  Conjunction(const Ast& part, const MappedText& text, bool negated, const Definitions& definitions);
  Conjunction(const Conjunction&) = delete;
  Conjunction& operator=(const Conjunction&) = delete;

  const std::vector<Conjunct>& parts() const { return parts_; }

 private:
  void Open(const MappedText& text, bool negated, size_t depth);
  void Add(const Ast& ast, const MappedText& text, bool negated, size_t depth);

  const Definitions& definitions_;
  std::deque<Ast> asts_;
  std::vector<Conjunct> parts_;
};

}  // namespace tensorwarden::rules
