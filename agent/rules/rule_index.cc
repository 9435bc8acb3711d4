#include "agent/rules/rule_index.h"

namespace tensorwarden::rules {

RuleIndex::Group& RuleIndex::GroupOf(OfKind& of_kind, uint32_t slot) {
  for (Group& group : of_kind.groups) {
    if (group.slot == slot) return group;
  }
  return of_kind.groups.emplace_back(Group{slot, {}});
}

void RuleIndex::Add(uint32_t rule, KindSet kinds, std::vector<Anchor> anchors) {
  for (const Anchor& anchor : anchors) {
    for (const std::string_view text : anchor.texts) ++uses_[anchor.slot][text];
  }
  pending_.push_back({rule, kinds, std::move(anchors)});
}

void RuleIndex::Build() {
  for (const Pending& pending : pending_) Place(pending);
  pending_.clear();
  pending_.shrink_to_fit();
  uses_.clear();
}

const Anchor* RuleIndex::Best(const std::vector<Anchor>& anchors) const {
  const Anchor* best = nullptr;
  size_t fewest = 0;
  for (const Anchor& anchor : anchors) {
    size_t uses = 0;
    for (const std::string_view text : anchor.texts) uses += uses_.at(anchor.slot).at(text);
    if (best != nullptr && uses >= fewest) continue;
    best = &anchor;
    fewest = uses;
  }
  return best;
}

void RuleIndex::Place(const Pending& pending) {
  const Anchor* anchor = Best(pending.anchors);
  for (size_t kind = 0; kind < kinds_.size(); ++kind) {
    if (((pending.kinds >> kind) & 1) == 0) continue;
    if (anchor == nullptr) {
      kinds_[kind].unanchored.push_back(pending.rule);
      continue;
    }
    Group& group = GroupOf(kinds_[kind], anchor->slot);
    for (const std::string_view text : anchor->texts) group.rules[text].push_back(pending.rule);
  }
}

void RuleIndex::Find(size_t kind, const Program& program, FieldCache& cache, std::vector<uint32_t>& rules) const {
  const OfKind& of_kind = kinds_[kind];
  rules.insert(rules.end(), of_kind.unanchored.begin(), of_kind.unanchored.end());
  for (const Group& group : of_kind.groups) {
    const auto* text = std::get_if<std::string_view>(&cache.Get(program.slots(), group.slot));
    if (text == nullptr) continue;
    const auto found = group.rules.find(*text);
    if (found != group.rules.end()) rules.insert(rules.end(), found->second.begin(), found->second.end());
  }
}

}  // namespace tensorwarden::rules
