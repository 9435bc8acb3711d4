// Which rules could match an event? By kind, then by a value that the condition cannot hold without.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <vector>

#include "agent/enrich/kinds.h"
#include "agent/rules/condition/anchor.h"
#include "agent/rules/condition/slot.h"
#include "agent/rules/field_index.h"

namespace tensorwarden::rules {

class RuleIndex {
 public:
  // `kinds`: events of other kinds never match. The anchors' texts must live until Build().
  void Add(uint32_t rule, KindSet kinds, std::vector<Anchor> anchors);
  // Before Build(): the anchor, of a rule that was added, whose keys the fewest rules share; nullptr when it has none.
  // Of equals the one that is cheapest to look up.
  const Anchor* Best(const std::vector<Anchor>& anchors, const SlotTable& slots) const;
  // Call once, after the last Add(): which anchor serves a rule best depends on what the other rules ask for.
  void Build(const SlotTable& slots);
  // Appends the rules that could match an event of `kind`, in no order; a rule may come more than once.
  void Find(size_t kind, const SlotTable& slots, FieldCache& cache, std::vector<uint32_t>& rules);

 private:
  struct Pending {
    uint32_t rule;
    KindSet kinds;
    std::vector<Anchor> anchors;
  };
  struct Group {
    uint32_t slot;
    FieldIndex rules;
  };
  struct OfKind {
    std::vector<uint32_t> unanchored;
    std::vector<Group> groups;  // one per field that anchors a rule of this kind
  };

  void Place(const Pending& pending, const Anchor* anchor);
  size_t UsesOf(const Anchor& anchor) const;
  static FieldIndex& GroupOf(OfKind& of_kind, uint32_t slot);

  std::vector<Pending> pending_;
  absl::flat_hash_map<uint32_t, absl::flat_hash_map<uint64_t, size_t>> uses_;  // by slot and hash of a key: rules
  std::array<OfKind, kEventKindCount> kinds_;
  uint64_t round_ = 0;
};

}  // namespace tensorwarden::rules
