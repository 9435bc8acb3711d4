#include "agent/rules/condition/exclusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <variant>
#include <vector>

#include "agent/rules/condition/conjunction.h"

namespace tensorwarden::rules {
namespace {

constexpr size_t kMaxShown = 6;  // kinds, and fields

// What must hold, and of which events it can.
struct Part {
  std::vector<std::string> fields;
  KindSet kinds = 0;
  bool negated = false;
  bool any = false;  // of alternatives: one of the fields is enough
};

std::string Shown(const std::vector<std::string>& names, const char* between) {
  const size_t shown = std::min(names.size(), kMaxShown);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<ptrdiff_t>(shown), between));
  return names.size() > shown ? fmt::format("{}{}{} more", text, between, names.size() - shown) : text;
}

std::string KindsInWords(KindSet kinds) {
  const KindSet others = kAllKinds & ~kinds & ~KindSet{1};  // 0 is "none", which no event is
  const bool but = std::popcount(others) < std::popcount(kinds);
  std::vector<std::string> names;
  for (size_t kind = 1; kind < kEventKindCount; ++kind) {
    if ((((but ? others : kinds) >> kind) & 1) != 0) names.emplace_back(EventKindName(kind));
  }
  return (but ? "all but " : "") + Shown(names, ", ");
}

void AddName(const std::string& name, std::vector<std::string>& names) {
  std::string quoted = fmt::format("'{}'", Printable(name));
  if (std::find(names.begin(), names.end(), quoted) == names.end()) names.push_back(std::move(quoted));
}

void AddFields(const Operand& operand, std::vector<std::string>& fields) {
  if (operand.kind == Operand::Kind::kField) AddName(operand.name, fields);
  for (const Operand& argument : operand.arguments) AddFields(argument, fields);
}

void AddFields(const Ast& ast, std::vector<std::string>& fields) {
  for (const Ast& child : ast.children) AddFields(child, fields);
  if (ast.kind == Ast::Kind::kMacro) AddName(ast.name, fields);
  if (ast.kind != Ast::Kind::kCheck) return;
  AddFields(ast.left, fields);
  if (ast.right) AddFields(*ast.right, fields);
}

// What the rule's memory needs each event to have.
Part Counted(const RuleDefinition& rule, KindSet counted) {
  Part part{.kinds = counted};
  if (!rule.memory) return part;
  for (const ListItem& field : rule.memory->by) AddName(field.text, part.fields);
  const auto* aggregate = std::get_if<AggregateDefinition>(&rule.memory->what);
  if (aggregate != nullptr && !aggregate->field.text.empty()) AddName(aggregate->field.text, part.fields);
  if (const auto* baseline = std::get_if<BaselineDefinition>(&rule.memory->what)) {
    AddName(baseline->of.text, part.fields);
  }
  return part;
}

// Those that exclude each other, and none that it would go without.
std::vector<Part> Excluding(std::vector<Part> parts) {
  for (size_t i = parts.size(); i-- > 0;) {
    KindSet rest = kAllKinds;
    for (size_t j = 0; j < parts.size(); ++j) rest &= j == i ? kAllKinds : parts[j].kinds;
    if (rest == 0) parts.erase(parts.begin() + static_cast<ptrdiff_t>(i));
  }
  return parts;
}

std::string Names(const Part& part) { return Shown(part.fields, part.any ? " or " : " and "); }

std::string InWords(const Part& part) {
  return fmt::format("{}{} ({})", part.negated ? "not " : "", Names(part), KindsInWords(part.kinds));
}

}  // namespace

std::string WhyNever(const RuleDefinition& rule, const MappedText& condition, KindSet counted,
                     const Definitions& definitions, TypeChecker& checker) {
  std::vector<Part> parts;
  KindSet left = counted;
  const Conjunction conjunction(condition, definitions);
  for (const Conjunct& conjunct : conjunction.parts()) {
    const std::optional<TypedCondition> typed = checker.CheckPart(*conjunct.text, *conjunct.ast);
    if (!typed) continue;
    Part part{.kinds = conjunct.negated ? typed->can_fail : typed->can_hold, .negated = conjunct.negated};
    AddFields(*conjunct.ast, part.fields);
    part.any = conjunct.ast->kind != Ast::Kind::kCheck;
    if (part.kinds == 0) return "no event satisfies what it asks of " + Names(part);
    left &= part.kinds;
    parts.push_back(std::move(part));
  }
  if (left != 0) return "no event satisfies it";  // what exceptions let pass is the rest
  parts.push_back(Counted(rule, counted));
  parts = Excluding(std::move(parts));
  std::vector<std::string> words;
  for (const Part& part : parts) words.push_back(InWords(part));
  return fmt::format("no kind of event fits all of {}", fmt::join(words, " and "));
}

}  // namespace tensorwarden::rules
