#include "agent/rules/condition/anchor.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>

namespace tensorwarden::rules {
namespace {

using Kind = TypedCondition::Kind;
using How = AnchorKey::How;

// More keys than this select too little to be worth an index entry each.
constexpr size_t kMaxKeys = 64;
// The index takes the most selective one; beyond these few, another would hardly be better.
constexpr size_t kMaxAnchors = 16;

// Costs of a look-up, as so many rules that share a key: a search in the text; a value that has to be put together
// first, which is a walk over ancestors or a new text; a flag, which selects little.
constexpr size_t kToSearch = 4;
constexpr size_t kToBuild = 32;
constexpr size_t kOfFlag = 16;

size_t LookupCost(const AnchorKey& key, const Slot& slot) {
  if (slot.type == FieldType::kBool) return kOfFlag;
  const bool is_list = slot.type == FieldType::kStringList || slot.type == FieldType::kNumberList;
  const size_t building = is_list || slot.field == nullptr ? kToBuild : 0;
  switch (key.how) {
    case How::kEqual:
    case How::kNumber:
      return building;
    case How::kPrefix:
    case How::kSuffix:
      return building + 1;
    case How::kSubstring:
    case How::kNetwork:
      return building + kToSearch;
  }
  return building;
}

// What is said of a text by one key; nothing where nearly any text fits it.
void AddText(uint32_t slot, How how, std::string_view text, std::vector<Anchor>& anchors) {
  const size_t least = how == How::kEqual ? 0 : how == How::kSubstring ? kMinSubstring : 1;
  if (text.size() >= least) anchors.push_back({{{.slot = slot, .how = how, .text = text}}});
}

// Of the runs between special characters the first stands at the beginning, the last at the end, the others somewhere.
// What follows a class or an escape is left out.
void AddGlob(uint32_t slot, std::string_view pattern, bool any_case, std::vector<Anchor>& anchors) {
  const size_t opaque = pattern.find_first_of("[\\");
  std::string_view rest = pattern.substr(0, opaque);
  for (bool first = true;; first = false) {
    const size_t end = rest.find_first_of("*?");
    const std::string_view run = rest.substr(0, end);
    const bool last = end == std::string_view::npos && opaque == std::string_view::npos;
    const bool edge = !any_case && (first || last);
    AddText(slot, !edge ? How::kSubstring : !last ? How::kPrefix : first ? How::kEqual : How::kSuffix, run, anchors);
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
  }
}

void AddRegex(uint32_t slot, const Regex& regex, std::vector<Anchor>& anchors) {
  AddText(slot, How::kPrefix, regex.prefix, anchors);
  AddText(slot, How::kSubstring, regex.needed, anchors);
}

// The path or below it, or, with wildcards, what each component matches by itself: the part before them is a prefix.
void AddPaths(uint32_t slot, const std::vector<std::string_view>& patterns, std::vector<Anchor>& anchors) {
  std::vector<AnchorKey> keys;
  for (std::string_view pattern : patterns) {
    while (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
    const std::string_view prefix = pattern.substr(0, pattern.find_first_of("*?[\\"));
    if (prefix.empty()) return;
    keys.push_back({.slot = slot, .how = How::kPrefix, .text = prefix});
  }
  anchors.push_back({std::move(keys)});
}

void AddEach(const auto& values, auto key_of, std::vector<Anchor>& anchors) {
  if (values.empty() || values.size() > kMaxKeys) return;
  Anchor& anchor = anchors.emplace_back();
  for (const auto& value : values) anchor.keys.push_back(key_of(value));
}

void AddTest(const Test& test, const Program& program, std::vector<Anchor>& anchors) {
  const uint32_t slot = test.slot;
  const auto equal = [&](std::string_view text) { return AnchorKey{.slot = slot, .how = How::kEqual, .text = text}; };
  const auto number = [&](double value) { return AnchorKey{.slot = slot, .how = How::kNumber, .number = value}; };
  const auto network = [&](const Network& value) {
    return AnchorKey{.slot = slot, .how = How::kNetwork, .network = &value};
  };
  switch (test.op) {
    case TestOp::kTextEqual:
      return AddText(slot, How::kEqual, program.text(test.literal), anchors);
    case TestOp::kTextIn:
      return AddEach(program.set(test.literal).texts(), equal, anchors);
    case TestOp::kStartsWith:
      return AddText(slot, How::kPrefix, program.text(test.literal), anchors);
    case TestOp::kEndsWith:
      return AddText(slot, How::kSuffix, program.text(test.literal), anchors);
    case TestOp::kContains:
    case TestOp::kIContains:
      return AddText(slot, How::kSubstring, program.text(test.literal), anchors);
    case TestOp::kGlob:
    case TestOp::kIGlob:
      return AddGlob(slot, program.text(test.literal), test.op == TestOp::kIGlob, anchors);
    case TestOp::kPathMatch:
    case TestOp::kPathGlob:
      return AddPaths(slot, program.set(test.literal).texts(), anchors);
    case TestOp::kRegex:
      return AddRegex(slot, program.regex(test.literal), anchors);
    case TestOp::kBoolEqual:
    case TestOp::kNumberEqual:
      return AddEach(std::array{test.number}, number, anchors);
    case TestOp::kNumberIn:
      return AddEach(program.numbers(test.literal), number, anchors);
    case TestOp::kNetwork:
      return AddEach(program.networks(test.literal), network, anchors);
    default:
      return;
  }
}

void AddAnchors(const TypedCondition& condition, const Program& program, std::vector<Anchor>& anchors) {
  const Test& test = program.test(condition.index);
  if (!test.with_slot) AddTest(test, program, anchors);
}

void Search(const TypeChecker& checker, const TypedCondition& condition, const Program& program,
            std::vector<Anchor>& anchors);

void AddMissing(const std::vector<AnchorKey>& from, std::vector<AnchorKey>& keys) {
  for (const AnchorKey& key : from) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
}

bool IsOfOneField(const Anchor& anchor) {
  const auto same = [&](const AnchorKey& key) { return key.slot == anchor.keys.front().slot; };
  return std::all_of(anchor.keys.begin(), anchor.keys.end(), same);
}

// Of those of `common` that ask for one field only: what is left when `more` may be the case as well.
std::vector<Anchor> OfSameField(std::vector<Anchor> common, const std::vector<Anchor>& more) {
  std::vector<Anchor> kept;
  for (Anchor& anchor : common) {
    const auto same = std::find_if(more.begin(), more.end(), [&](const Anchor& other) {
      return other.keys.front().slot == anchor.keys.front().slot && IsOfOneField(other);
    });
    if (same == more.end() || !IsOfOneField(anchor)) continue;
    AddMissing(same->keys, anchor.keys);
    if (anchor.keys.size() <= kMaxKeys) kept.push_back(std::move(anchor));
  }
  return kept;
}

const Anchor& Cheapest(const std::vector<Anchor>& anchors, const SlotTable& slots) {
  const auto cost = [&](const Anchor& anchor) { return anchor.keys.size() + LookupCost(anchor, slots); };
  return *std::min_element(anchors.begin(), anchors.end(),
                           [&](const Anchor& a, const Anchor& b) { return cost(a) < cost(b); });
}

// One of the alternatives must hold, so one of the keys of an anchor of each fits: of the same field where all need a
// value of it, and of whichever is the cheapest of each.
void SearchAlternatives(const TypeChecker& checker, const TypedCondition& condition, const Program& program,
                        std::vector<Anchor>& anchors) {
  std::vector<Anchor> common;
  Anchor mixed;
  for (const TypedCondition& child : condition.children) {
    std::vector<Anchor> of_child;
    Search(checker, child, program, of_child);
    if (of_child.empty()) return;
    AddMissing(Cheapest(of_child, program.slots()).keys, mixed.keys);
    const bool first = &child == &condition.children.front();
    common = first ? std::move(of_child) : OfSameField(std::move(common), of_child);
  }
  if (mixed.keys.size() <= kMaxKeys && !IsOfOneField(mixed)) common.push_back(std::move(mixed));
  for (Anchor& anchor : common) {
    if (anchors.size() < kMaxAnchors) anchors.push_back(std::move(anchor));
  }
}

void Search(const TypeChecker& checker, const TypedCondition& condition, const Program& program,
            std::vector<Anchor>& anchors) {
  if (anchors.size() >= kMaxAnchors) return;
  if (condition.kind == Kind::kTest) return AddAnchors(condition, program, anchors);
  if (condition.kind == Kind::kMacro) return Search(checker, checker.Macro(condition.index), program, anchors);
  if (condition.kind == Kind::kOr) return SearchAlternatives(checker, condition, program, anchors);
  if (condition.kind != Kind::kAnd) return;
  for (const TypedCondition& child : condition.children) Search(checker, child, program, anchors);
}

}  // namespace

size_t LookupCost(const Anchor& anchor, const SlotTable& slots) {
  absl::flat_hash_map<uint32_t, size_t> most;  // by slot: its keys are looked up together
  for (const AnchorKey& key : anchor.keys) {
    size_t& cost = most[key.slot];
    cost = std::max(cost, LookupCost(key, slots[key.slot]));
  }
  size_t all = most.size() - 1;
  for (const auto& [slot, cost] : most) all += cost;
  return all;
}

std::vector<Anchor> FindAnchors(const TypeChecker& checker, const TypedCondition& condition, const Program& program) {
  std::vector<Anchor> anchors;
  Search(checker, condition, program, anchors);
  return anchors;
}

}  // namespace tensorwarden::rules
