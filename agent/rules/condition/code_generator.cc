#include "agent/rules/condition/code_generator.h"

#include <algorithm>

namespace tensorwarden::rules {
namespace {

using Kind = TypedCondition::Kind;

// More texts than this select too little to be worth an index entry each.
constexpr size_t kMaxAnchorTexts = 64;
// The index takes the most selective one; beyond these few, another would hardly be better.
constexpr size_t kMaxAnchors = 16;

// Code is laid down from the end, because a jump's target must be known when its instruction is emitted.
class Generator {
 public:
  Generator(const TypeChecker& checker, Program& program) : checker_(checker), program_(program) {}

  uint32_t Emit(const TypedCondition& condition, uint32_t on_true, uint32_t on_false) {
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
  Program& program_;
};

void AddAnchor(const TypedCondition& condition, const Program& program, std::vector<Anchor>& anchors) {
  const Test& test = program.test(condition.index);
  if (test.op != TestOp::kTextEqual && test.op != TestOp::kTextIn) return;
  if (program.slots()[test.slot].type != FieldType::kString) return;  // of a list, several would be keys
  std::vector<std::string_view> texts = program.TextsOf(test);
  if (!texts.empty() && texts.size() <= kMaxAnchorTexts) anchors.push_back({test.slot, std::move(texts)});
}

void Search(const TypeChecker& checker, const TypedCondition& condition, const Program& program,
            std::vector<Anchor>& anchors);

// One of the alternatives must hold: where all of them need a text of the same field, it is one of all these texts.
void SearchAlternatives(const TypeChecker& checker, const TypedCondition& condition, const Program& program,
                        std::vector<Anchor>& anchors) {
  std::vector<Anchor> common;
  for (const TypedCondition& child : condition.children) {
    std::vector<Anchor> of_child;
    Search(checker, child, program, of_child);
    if (&child == &condition.children.front()) {
      common = std::move(of_child);
      continue;
    }
    std::vector<Anchor> kept;
    for (Anchor& anchor : common) {
      const auto same = std::find_if(of_child.begin(), of_child.end(),
                                     [&](const Anchor& other) { return other.slot == anchor.slot; });
      if (same == of_child.end()) continue;
      std::vector<std::string_view>& texts = anchor.texts;
      texts.insert(texts.end(), same->texts.begin(), same->texts.end());
      std::sort(texts.begin(), texts.end());
      texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
      if (texts.size() <= kMaxAnchorTexts) kept.push_back(std::move(anchor));
    }
    common = std::move(kept);
    if (common.empty()) return;
  }
  for (Anchor& anchor : common) {
    if (anchors.size() < kMaxAnchors) anchors.push_back(std::move(anchor));
  }
}

void Search(const TypeChecker& checker, const TypedCondition& condition, const Program& program,
            std::vector<Anchor>& anchors) {
  if (anchors.size() == kMaxAnchors) return;
  if (condition.kind == Kind::kTest) return AddAnchor(condition, program, anchors);
  if (condition.kind == Kind::kMacro) return Search(checker, checker.Macro(condition.index), program, anchors);
  if (condition.kind == Kind::kOr) return SearchAlternatives(checker, condition, program, anchors);
  if (condition.kind != Kind::kAnd) return;
  for (const TypedCondition& child : condition.children) Search(checker, child, program, anchors);
}

}  // namespace

uint32_t Generate(const TypeChecker& checker, const TypedCondition& condition, Program& program) {
  return Generator(checker, program).Emit(condition, Program::kAccept, Program::kReject);
}

std::vector<Anchor> FindAnchors(const TypeChecker& checker, const TypedCondition& condition, const Program& program) {
  std::vector<Anchor> anchors;
  Search(checker, condition, program, anchors);
  return anchors;
}

}  // namespace tensorwarden::rules
