#include "agent/author/contradiction.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "agent/author/conditions.h"
#include "agent/enrich/field_table.h"
#include "agent/rules/condition/conjunction.h"
#include "agent/rules/condition/literal.h"

namespace tensorwarden::author {
namespace {

using rules::Ast;
using rules::Conjunct;
using rules::Conjunction;
using rules::Definitions;
using rules::MappedText;
using rules::Operator;

constexpr size_t kMaxValues = 10'000;  // of one check; longer lists are passed over
constexpr size_t kMaxChecks = 50;      // of one field, which are compared pair by pair
constexpr double kNsPerSecond = 1e9;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Bound {
  double at;
  bool open;  // the value itself lies outside
};

// The values that a check lets a field have: those listed, all but those listed, or a range.
struct Allowed {
  const Conjunct* check = nullptr;
  bool may_be_missing = false;
  bool is_range = false;
  bool listed = true;  // else all others
  std::set<std::string> texts;
  std::set<double> numbers;
  Bound low{-kInfinity, false};
  Bound high{kInfinity, false};
};

bool Lists(const Ast& ast) {
  return ast.op == Operator::kEqual || ast.op == Operator::kNotEqual || ast.op == Operator::kIn ||
         ast.op == Operator::kIntersects;
}

// nullptr of what has several values, or is compared in another way than by its value.
const FieldSpec* SingleValued(const rules::Operand& operand) {
  std::string_view member;
  const FieldSpec* field =
      operand.kind == rules::Operand::Kind::kField ? FindFieldOrMember(operand.name, member) : nullptr;
  if (field == nullptr || field->type == FieldType::kStringList || field->type == FieldType::kNumberList)
    return nullptr;
  if (field->content != FieldContent::kPlain && field->content != FieldContent::kNanoseconds) return nullptr;
  const bool is_type = operand.name == "evt.type" || operand.name == "evt.kind" || operand.name == "syscall.type";
  return is_type ? nullptr : field;
}

// Lists by name become their items. False when there are too many.
bool Expand(const std::string& text, bool quoted, const Definitions& definitions, size_t depth,
            std::set<std::string>& values) {
  constexpr size_t kMaxDepth = 16;
  const rules::ListDefinition* list = quoted ? nullptr : definitions.FindList(text);
  if (list == nullptr) {
    values.insert(text);
    return values.size() <= kMaxValues;
  }
  if (depth > kMaxDepth || list->items.size() > kMaxValues) return false;
  return std::all_of(list->items.begin(), list->items.end(), [&](const rules::ListItem& item) {
    return Expand(item.text, item.quoted || item.text == text, definitions, depth + 1, values);
  });
}

std::optional<double> NumberOf(const std::string& text, const FieldSpec& field) {
  const std::optional<rules::Quantity> quantity = rules::ParseQuantity(text);
  if (!quantity) return std::nullopt;
  const bool in_ns = field.content == FieldContent::kNanoseconds && quantity->of == rules::Quantity::Of::kSeconds;
  return quantity->value * (in_ns ? kNsPerSecond : 1);
}

std::optional<Allowed> ListedValues(const Conjunct& part, const FieldSpec& field, const Definitions& definitions) {
  const Ast& ast = *part.ast;
  Allowed allowed{.check = &part, .may_be_missing = part.negated};
  allowed.listed = (ast.op == Operator::kNotEqual) == part.negated;
  for (const rules::Word& word : ast.values) {
    const bool literal = word.quoted || !rules::TakesList(ast.op);
    if (!Expand(word.text, literal, definitions, 0, allowed.texts)) return std::nullopt;
  }
  // An empty list is to be filled by a site.
  if (allowed.texts.empty()) return std::nullopt;
  if (field.type != FieldType::kNumber) return allowed;
  for (const std::string& text : std::exchange(allowed.texts, {})) {
    const std::optional<double> number = NumberOf(text, field);
    if (!number) return std::nullopt;
    allowed.numbers.insert(*number);
  }
  return allowed;
}

std::optional<Allowed> Range(const Conjunct& part, const FieldSpec& field) {
  const Operator op = part.ast->op;
  const bool less = op == Operator::kLess || op == Operator::kLessEqual;
  const bool greater = op == Operator::kGreater || op == Operator::kGreaterEqual;
  if ((!less && !greater) || field.type != FieldType::kNumber) return std::nullopt;
  const std::optional<double> number = NumberOf(part.ast->values[0].text, field);
  if (!number) return std::nullopt;
  Allowed allowed{.check = &part, .may_be_missing = part.negated, .is_range = true};
  const bool strict = op == Operator::kLess || op == Operator::kGreater;
  (less != part.negated ? allowed.high : allowed.low) = {*number, strict != part.negated};
  return allowed;
}

std::optional<Allowed> AllowedBy(const Conjunct& part, const Definitions& definitions) {
  const Ast& ast = *part.ast;
  if (ast.kind != Ast::Kind::kCheck || ast.right || ast.modifier != rules::Modifier::kNone || ast.values.empty()) {
    return std::nullopt;
  }
  const FieldSpec* field = SingleValued(ast.left);
  if (field == nullptr) return std::nullopt;
  return Lists(ast) ? ListedValues(part, *field, definitions) : Range(part, *field);
}

bool Lies(double value, const Allowed& range) {
  const bool above = range.low.open ? value > range.low.at : value >= range.low.at;
  return above && (range.high.open ? value < range.high.at : value <= range.high.at);
}

bool Apart(const Allowed& a, const Allowed& b) {
  const auto above = [](const Bound& low, const Bound& high) {
    return low.at > high.at || (low.at == high.at && (low.open || high.open));
  };
  return above(a.low, b.high) || above(b.low, a.high);
}

template <typename T>
bool NothingLeft(const std::set<T>& listed, const std::set<T>& others, bool others_listed) {
  return std::none_of(listed.begin(), listed.end(),
                      [&](const T& one) { return others.contains(one) == others_listed; });
}

bool Exclude(const Allowed& a, const Allowed& b) {
  if (a.may_be_missing && b.may_be_missing) return false;
  if (a.is_range && b.is_range) return Apart(a, b);
  // A list of values first; without one there are always values left.
  const Allowed& listed = !a.is_range && a.listed ? a : b;
  const Allowed& other = &listed == &a ? b : a;
  if (listed.is_range || !listed.listed) return false;
  if (other.is_range) {
    return std::none_of(listed.numbers.begin(), listed.numbers.end(), [&](double one) { return Lies(one, other); });
  }
  return NothingLeft(listed.texts, other.texts, other.listed) &&
         NothingLeft(listed.numbers, other.numbers, other.listed);
}

std::string TextOf(const Conjunct& part) {
  return (part.negated ? "not " : "") + rules::Printable(ConditionText(*part.ast));
}

class Search {
 public:
  explicit Search(const Definitions& definitions) : definitions_(definitions) {}

  void Read(const MappedText& text, const Conjunction& conjunction) {
    std::map<std::string, std::vector<Allowed>> by_field;
    for (const Conjunct& part : conjunction.parts()) {
      if (std::optional<Allowed> allowed = AllowedBy(part, definitions_)) {
        Compare(*std::move(allowed), by_field[OperandText(part.ast->left)]);
      } else if (part.text == &text) {  // macros are read by themselves
        ReadAlternatives(part);
      }
    }
  }

  std::vector<Contradiction> Finish() { return std::move(found_); }

 private:
  void ReadAlternatives(const Conjunct& part) {
    for (const Ast& child : part.ast->children) {
      const Conjunction conjunction(child, *part.text, part.negated, definitions_);
      Read(*part.text, conjunction);
    }
  }

  void Compare(Allowed allowed, std::vector<Allowed>& earlier) {
    const auto at =
        std::find_if(earlier.begin(), earlier.end(), [&](const Allowed& one) { return Exclude(one, allowed); });
    if (at != earlier.end()) {
      const Conjunct& now = *allowed.check;
      const Conjunct& then = *at->check;
      found_.push_back({now.text->At(now.ast->offset), then.text->At(then.ast->offset),
                        fmt::format("'{}' contradicts '{}'", TextOf(now), TextOf(then))});
    }
    if (earlier.size() < kMaxChecks) earlier.push_back(std::move(allowed));
  }

  const Definitions& definitions_;
  std::vector<Contradiction> found_;
};

}  // namespace

std::vector<Contradiction> Contradictions(const MappedText& condition, const Definitions& definitions) {
  Search search(definitions);
  const Conjunction conjunction(condition, definitions);
  search.Read(condition, conjunction);
  return search.Finish();
}

}  // namespace tensorwarden::author
