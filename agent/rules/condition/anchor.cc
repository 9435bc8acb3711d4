#include "agent/rules/condition/anchor.h"

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

// What is said of a text by one key; nothing where nearly any text fits it.
void AddText(uint32_t slot, How how, std::string_view text, std::vector<Anchor>& anchors) {
  const size_t least = how == How::kEqual ? 0 : how == How::kSubstring ? kMinSubstring : 1;
  if (text.size() >= least) anchors.push_back({slot, {{.how = how, .text = text}}});
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
    keys.push_back({.how = How::kPrefix, .text = prefix});
  }
  anchors.push_back({slot, std::move(keys)});
}

void AddEach(uint32_t slot, const auto& values, auto key_of, std::vector<Anchor>& anchors) {
  if (values.empty() || values.size() > kMaxKeys) return;
  Anchor& anchor = anchors.emplace_back(Anchor{slot, {}});
  for (const auto& value : values) anchor.keys.push_back(key_of(value));
}

void AddTest(const Test& test, const Program& program, std::vector<Anchor>& anchors) {
  const auto equal = [](std::string_view text) { return AnchorKey{.how = How::kEqual, .text = text}; };
  const auto number = [](double value) { return AnchorKey{.how = How::kNumber, .number = value}; };
  const auto network = [](const Network& value) { return AnchorKey{.how = How::kNetwork, .network = &value}; };
  switch (test.op) {
    case TestOp::kTextEqual:
      return AddText(test.slot, How::kEqual, program.text(test.literal), anchors);
    case TestOp::kTextIn:
      return AddEach(test.slot, program.set(test.literal).texts(), equal, anchors);
    case TestOp::kStartsWith:
      return AddText(test.slot, How::kPrefix, program.text(test.literal), anchors);
    case TestOp::kEndsWith:
      return AddText(test.slot, How::kSuffix, program.text(test.literal), anchors);
    case TestOp::kContains:
    case TestOp::kIContains:
      return AddText(test.slot, How::kSubstring, program.text(test.literal), anchors);
    case TestOp::kGlob:
    case TestOp::kIGlob:
      return AddGlob(test.slot, program.text(test.literal), test.op == TestOp::kIGlob, anchors);
    case TestOp::kPathMatch:
    case TestOp::kPathGlob:
      return AddPaths(test.slot, program.set(test.literal).texts(), anchors);
    case TestOp::kRegex:
      return AddRegex(test.slot, program.regex(test.literal), anchors);
    case TestOp::kNumberEqual:
      return AddEach(test.slot, std::array{test.number}, number, anchors);
    case TestOp::kNumberIn:
      return AddEach(test.slot, program.numbers(test.literal), number, anchors);
    case TestOp::kNetwork:
      return AddEach(test.slot, program.networks(test.literal), network, anchors);
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

// One of the alternatives must hold: where all of them need a value of the same field, it is one of all these.
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
      AddMissing(same->keys, anchor.keys);
      if (anchor.keys.size() <= kMaxKeys) kept.push_back(std::move(anchor));
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
  if (anchors.size() >= kMaxAnchors) return;
  if (condition.kind == Kind::kTest) return AddAnchors(condition, program, anchors);
  if (condition.kind == Kind::kMacro) return Search(checker, checker.Macro(condition.index), program, anchors);
  if (condition.kind == Kind::kOr) return SearchAlternatives(checker, condition, program, anchors);
  if (condition.kind != Kind::kAnd) return;
  for (const TypedCondition& child : condition.children) Search(checker, child, program, anchors);
}

}  // namespace

std::vector<Anchor> FindAnchors(const TypeChecker& checker, const TypedCondition& condition, const Program& program) {
  std::vector<Anchor> anchors;
  Search(checker, condition, program, anchors);
  return anchors;
}

}  // namespace tensorwarden::rules
