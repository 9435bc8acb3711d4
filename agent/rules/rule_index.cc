#include "agent/rules/rule_index.h"

#include <algorithm>

namespace tensorwarden::rules {

FieldIndex& RuleIndex::GroupOf(OfKind& of_kind, uint32_t slot) {
  for (Group& group : of_kind.groups) {
    if (group.slot == slot) return group.rules;
  }
  return of_kind.groups.emplace_back(Group{slot, {}}).rules;
}

void RuleIndex::Add(uint32_t rule, KindSet kinds, std::vector<Anchor> anchors) {
  for (const Anchor& anchor : anchors) {
    for (const AnchorKey& key : anchor.keys) {
      for (const uint64_t hash : KeyHashes(key)) ++uses_[key.slot][hash];
    }
  }
  pending_.push_back({rule, kinds, std::move(anchors)});
}

void RuleIndex::Build(const SlotTable& slots) {
  for (const Pending& pending : pending_) Place(pending, Best(pending.anchors, slots));
  pending_ = {};
  uses_ = {};
  for (OfKind& of_kind : kinds_) {
    for (Group& group : of_kind.groups) group.rules.Build();
  }
}

size_t RuleIndex::UsesOf(const Anchor& anchor) const {
  size_t all = 0;
  for (const AnchorKey& key : anchor.keys) {
    const auto& uses = uses_.at(key.slot);
    size_t fewest = SIZE_MAX;  // of a substring its rarest part counts
    for (const uint64_t hash : KeyHashes(key)) fewest = std::min(fewest, uses.at(hash));
    all += fewest;
  }
  return all;
}

const Anchor* RuleIndex::Best(const std::vector<Anchor>& anchors, const SlotTable& slots) const {
  const Anchor* best = nullptr;
  size_t least = 0;
  for (const Anchor& anchor : anchors) {
    const size_t cost = UsesOf(anchor) + LookupCost(anchor, slots);
    if (best != nullptr && cost >= least) continue;
    best = &anchor;
    least = cost;
  }
  return best;
}

void RuleIndex::Place(const Pending& pending, const Anchor* anchor) {
  for (size_t kind = 0; kind < kinds_.size(); ++kind) {
    if (((pending.kinds >> kind) & 1) == 0) continue;
    if (anchor == nullptr) {
      kinds_[kind].unanchored.push_back(pending.rule);
      continue;
    }
    for (const AnchorKey& key : anchor->keys) GroupOf(kinds_[kind], key.slot).Add(key, pending.rule);
  }
}

void RuleIndex::Find(size_t kind, const SlotTable& slots, FieldCache& cache, std::vector<uint32_t>& rules) {
  OfKind& of_kind = kinds_[kind];
  ++round_;
  rules.insert(rules.end(), of_kind.unanchored.begin(), of_kind.unanchored.end());
  for (Group& group : of_kind.groups) group.rules.Find(cache.Get(slots, group.slot), round_, rules);
}

}  // namespace tensorwarden::rules
