#include "agent/rules/rule_index.h"

#include <algorithm>

namespace tensorwarden::rules {
namespace {

// Of values that have to be put together first: a walk over ancestors, a new text.
constexpr size_t kToBuild = 32;

// What a look into the index costs for every event of the kind, as so many rules that share a key.
size_t CostOf(const Anchor& anchor, const SlotTable& slots) {
  size_t most = 0;
  for (const AnchorKey& key : anchor.keys) {
    switch (key.how) {
      case AnchorKey::How::kEqual:
      case AnchorKey::How::kNumber:
        break;
      case AnchorKey::How::kPrefix:
      case AnchorKey::How::kSuffix:
        most = std::max<size_t>(most, 1);
        break;
      case AnchorKey::How::kSubstring:
      case AnchorKey::How::kNetwork:
        most = std::max<size_t>(most, 4);
        break;
    }
  }
  const Slot& slot = slots[anchor.slot];
  const bool is_list = slot.type == FieldType::kStringList || slot.type == FieldType::kNumberList;
  return most + (is_list || slot.field == nullptr ? kToBuild : 0);
}

}  // namespace

FieldIndex& RuleIndex::GroupOf(OfKind& of_kind, uint32_t slot) {
  for (Group& group : of_kind.groups) {
    if (group.slot == slot) return group.rules;
  }
  return of_kind.groups.emplace_back(Group{slot, {}}).rules;
}

void RuleIndex::Add(uint32_t rule, KindSet kinds, std::vector<Anchor> anchors) {
  for (const Anchor& anchor : anchors) {
    auto& uses = uses_[anchor.slot];
    for (const AnchorKey& key : anchor.keys) {
      for (const uint64_t hash : KeyHashes(key)) ++uses[hash];
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
  const auto& uses = uses_.at(anchor.slot);
  size_t all = 0;
  for (const AnchorKey& key : anchor.keys) {
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
    const size_t cost = UsesOf(anchor) + CostOf(anchor, slots);
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
    FieldIndex& group = GroupOf(kinds_[kind], anchor->slot);
    for (const AnchorKey& key : anchor->keys) group.Add(key, pending.rule);
  }
}

void RuleIndex::Find(size_t kind, const SlotTable& slots, FieldCache& cache, std::vector<uint32_t>& rules) {
  OfKind& of_kind = kinds_[kind];
  ++round_;
  rules.insert(rules.end(), of_kind.unanchored.begin(), of_kind.unanchored.end());
  for (Group& group : of_kind.groups) group.rules.Find(cache.Get(slots, group.slot), round_, rules);
}

}  // namespace tensorwarden::rules
