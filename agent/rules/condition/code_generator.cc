#include "agent/rules/condition/code_generator.h"

namespace tensorwarden::rules {
namespace {

using Kind = TypedCondition::Kind;

// Code is laid down from the end, because a jump's target must be known when its instruction is emitted.
class Generator {
 public:
  Generator(const TypeChecker& checker, KindSet kinds, Program& program)
      : checker_(checker), kinds_(kinds), program_(program) {}

  uint32_t Emit(const TypedCondition& condition, uint32_t on_true, uint32_t on_false) {
    if ((condition.can_fail & kinds_) == 0) return on_true;
    if ((condition.can_hold & kinds_) == 0) return on_false;
    switch (condition.kind) {
      case Kind::kNever:
        return on_false;
      case Kind::kAlways:
        return on_true;
      case Kind::kTest:
        return on_true == on_false ? on_true : program_.Emit(condition.index, on_true, on_false);
      case Kind::kMacro:
        return Emit(checker_.Macro(condition.index), on_true, on_false);
      case Kind::kNot:
        return Emit(condition.children[0], on_false, on_true);
      case Kind::kAnd:
      case Kind::kOr:
        return EmitChain(condition, on_true, on_false);
      case Kind::kExactlyOne:
        return EmitExactlyOne(condition, on_true, on_false);
    }
    return on_false;
  }

 private:
  uint32_t EmitChain(const TypedCondition& condition, uint32_t on_true, uint32_t on_false) {
    const bool is_and = condition.kind == Kind::kAnd;
    uint32_t entry = is_and ? on_true : on_false;  // where the last operand that does not decide leads
    for (auto child = condition.children.rbegin(); child != condition.children.rend(); ++child) {
      entry = is_and ? Emit(*child, entry, on_false) : Emit(*child, on_true, entry);
    }
    return entry;
  }

  // Two rows of the same tests: before one held, and after.
  uint32_t EmitExactlyOne(const TypedCondition& condition, uint32_t on_true, uint32_t on_false) {
    uint32_t none = on_false, one = on_true;
    for (auto child = condition.children.rbegin(); child != condition.children.rend(); ++child) {
      none = Emit(*child, one, none);
      one = Emit(*child, on_false, one);
    }
    return none;
  }

  const TypeChecker& checker_;
  const KindSet kinds_;
  Program& program_;
};

}  // namespace

uint32_t Generate(const TypeChecker& checker, const TypedCondition& condition, KindSet kinds, Program& program) {
  return Generator(checker, kinds, program).Emit(condition, Program::kAccept, Program::kReject);
}

}  // namespace tensorwarden::rules
