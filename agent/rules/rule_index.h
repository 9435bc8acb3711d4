// Which rules could match an event? By kind, then by a text that the condition cannot hold without.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "agent/enrich/kinds.h"
#include "agent/rules/condition/code_generator.h"
#include "agent/rules/condition/program.h"

namespace tensorwarden::rules {

class RuleIndex {
 public:
  // `kinds`: events of other kinds never match. The anchors' texts must outlive the index.
  void Add(uint32_t rule, KindSet kinds, std::vector<Anchor> anchors);
  // Before Build(): the anchor, of a rule that was added, whose texts the fewest rules share; nullptr when it has none.
  const Anchor* Best(const std::vector<Anchor>& anchors) const;
  // Call once, after the last Add(): which anchor serves a rule best depends on what the other rules ask for.
  void Build();
  // Appends the rules that could match an event of `kind`, each once, in no order.
  void Find(size_t kind, const Program& program, FieldCache& cache, std::vector<uint32_t>& rules) const;

 private:
  template <typename T>
  using ByText = absl::flat_hash_map<std::string_view, T, TextHash, std::equal_to<std::string_view>>;
  struct Pending {
    uint32_t rule;
    KindSet kinds;
    std::vector<Anchor> anchors;
  };
  struct Group {
    uint32_t slot;
    ByText<std::vector<uint32_t>> rules;
  };
  struct OfKind {
    std::vector<uint32_t> unanchored;
    std::vector<Group> groups;  // one per field that anchors a rule of this kind
  };

  void Place(const Pending& pending);
  static Group& GroupOf(OfKind& of_kind, uint32_t slot);

  std::vector<Pending> pending_;
  absl::flat_hash_map<uint32_t, ByText<size_t>> uses_;  // by slot: rules that have the text as an anchor
  std::array<OfKind, kEventKindCount> kinds_;
};

}  // namespace tensorwarden::rules
