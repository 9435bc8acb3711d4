#include "agent/rules/condition/typed_condition.h"

#include <algorithm>

namespace tensorwarden::rules {
namespace {

using Kind = TypedCondition::Kind;

TypedCondition ExactlyOne(std::vector<TypedCondition> children) {
  TypedCondition chain;
  chain.kind = Kind::kExactlyOne;
  chain.can_hold = 0;
  for (const TypedCondition& child : children) {
    chain.can_hold |= child.can_hold;
    // Each is in the code twice: none held before it, or one did.
    chain.size += 2 * child.size;
    chain.cost += child.cost;
    chain.depth = std::max(chain.depth, child.depth + 1);
  }
  chain.children = std::move(children);
  return chain;
}

}  // namespace

TypedCondition Never() {
  TypedCondition never;
  never.kind = Kind::kNever;
  never.can_hold = 0;
  never.cost = 0;
  return never;
}

TypedCondition Always() {
  TypedCondition always;
  always.kind = Kind::kAlways;
  always.can_fail = 0;
  always.cost = 0;
  return always;
}

TypedCondition Not(TypedCondition inner) {
  if (inner.kind == Kind::kNever) return Always();
  if (inner.kind == Kind::kAlways) return Never();
  TypedCondition negation;
  negation.kind = Kind::kNot;
  negation.can_hold = inner.can_fail;
  negation.can_fail = inner.can_hold;
  negation.size = inner.size + 1;
  negation.depth = inner.depth + 1;
  negation.cost = inner.cost;
  negation.children.push_back(std::move(inner));
  return negation;
}

TypedCondition Chain(Kind kind, std::vector<TypedCondition> children) {
  if (kind == Kind::kExactlyOne) return ExactlyOne(std::move(children));
  const bool is_and = kind == Kind::kAnd;
  const Kind decides = is_and ? Kind::kNever : Kind::kAlways;
  const Kind empty = is_and ? Kind::kAlways : Kind::kNever;
  TypedCondition chain;
  chain.kind = kind;
  chain.can_hold = is_and ? kAllKinds : 0;
  chain.can_fail = is_and ? 0 : kAllKinds;
  chain.cost = 0;
  for (TypedCondition& child : children) {
    if (child.kind == decides) return std::move(child);
    if (child.kind == empty) continue;
    chain.can_hold = is_and ? chain.can_hold & child.can_hold : chain.can_hold | child.can_hold;
    chain.can_fail = is_and ? chain.can_fail | child.can_fail : chain.can_fail & child.can_fail;
    chain.size += child.size;
    chain.cost += child.cost;
    chain.depth = std::max(chain.depth, child.depth + 1);
    chain.children.push_back(std::move(child));
  }
  if (chain.children.empty()) return is_and ? Always() : Never();
  if (chain.children.size() == 1) {
    TypedCondition only = std::move(chain.children[0]);
    return only;
  }
  std::stable_sort(chain.children.begin(), chain.children.end(),
                   [](const TypedCondition& a, const TypedCondition& b) { return a.cost < b.cost; });
  return chain;
}

}  // namespace tensorwarden::rules
