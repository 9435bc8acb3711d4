#include "agent/rules/condition/test_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/rules/condition/literal.h"
#include "agent/rules/condition/operand_resolver.h"
#include "agent/rules/condition/test_cost.h"
#include "agent/rules/condition/units.h"

namespace tensorwarden::rules {
namespace {

constexpr double kNsPerSecond = 1e9;

bool IsComparison(Operator op) {
  return op == Operator::kLess || op == Operator::kLessEqual || op == Operator::kGreater ||
         op == Operator::kGreaterEqual;
}

bool Takes(FieldType type, Operator op) {
  if (op == Operator::kExists || op == Operator::kEqual || op == Operator::kNotEqual) return true;
  if (type == FieldType::kBool) return false;
  if (op == Operator::kIn || op == Operator::kIntersects) return true;
  return IsComparison(op) == IsNumber(type);
}

TestOp NumberOp(Operator op) {
  switch (op) {
    case Operator::kNotEqual:
      return TestOp::kNumberNotEqual;
    case Operator::kLess:
      return TestOp::kNumberLess;
    case Operator::kLessEqual:
      return TestOp::kNumberLessEqual;
    case Operator::kGreater:
      return TestOp::kNumberGreater;
    case Operator::kGreaterEqual:
      return TestOp::kNumberGreaterEqual;
    case Operator::kIn:
    case Operator::kIntersects:
      return TestOp::kNumberIn;
    default:
      return TestOp::kNumberEqual;
  }
}

TestOp TextOp(Operator op) {
  switch (op) {
    case Operator::kNotEqual:
      return TestOp::kTextNotEqual;
    case Operator::kIn:
    case Operator::kIntersects:
      return TestOp::kTextIn;
    case Operator::kContains:
    case Operator::kBContains:
      return TestOp::kContains;
    case Operator::kIContains:
      return TestOp::kIContains;
    case Operator::kStartsWith:
    case Operator::kBStartsWith:
      return TestOp::kStartsWith;
    case Operator::kEndsWith:
      return TestOp::kEndsWith;
    case Operator::kGlob:
      return TestOp::kGlob;
    case Operator::kIGlob:
      return TestOp::kIGlob;
    case Operator::kRegex:
      return TestOp::kRegex;
    case Operator::kPathMatch:
      return TestOp::kPathMatch;
    default:
      return TestOp::kTextEqual;
  }
}

std::vector<std::string> TextsOf(const std::vector<Word>& words) {
  std::vector<std::string> texts;
  texts.reserve(words.size());
  for (const Word& word : words) texts.push_back(word.text);
  return texts;
}

TypedCondition::Kind KindOf(Modifier modifier) {
  if (modifier == Modifier::kAllOf) return TypedCondition::Kind::kAnd;
  return modifier == Modifier::kOneOf ? TypedCondition::Kind::kExactlyOne : TypedCondition::Kind::kOr;
}

std::string Described(const Slot& slot) {
  return fmt::format("{} '{}'", slot.field != nullptr ? "field" : "function", Printable(slot.name));
}

// With val() both sides are one sort of thing; "in" and its like are between lists then.
bool SameSort(FieldType left, FieldType right) {
  return (IsText(left) && IsText(right)) || (IsNumber(left) && IsNumber(right)) || left == right;
}

}  // namespace

bool TestBuilder::FitsType(const Check& check) const {
  const Slot& slot = program_.slots()[check.slot];
  if (Takes(slot.type, check.ast.op)) return true;
  check.context.Fail(check.ast.op_offset, fmt::format("'{}' does not fit {}, which is {}", OperatorText(check.ast.op),
                                                      Described(slot), TypeName(slot.type)));
  return false;
}

TypedCondition TestBuilder::Add(Test test, uint32_t slot) {
  test.slot = slot;
  const Slot& left = program_.slots()[slot];
  TypedCondition typed;
  typed.index = program_.AddTest(test);
  typed.can_hold = left.kinds;
  if (test.with_slot) typed.can_hold &= program_.slots()[test.literal].kinds;
  typed.cost = CostOf(test, program_.slots());
  if (typed.can_hold == 0) return Never();
  if (left.field == nullptr || left.field->content != FieldContent::kConstant || test.with_slot) return typed;
  FieldScratch scratch;
  return program_.HoldsFor(test, left.field->get({}, "", scratch)) ? Always() : Never();
}

std::optional<TypedCondition> TestBuilder::WithValues(const CheckContext& context, const Ast& ast, uint32_t slot,
                                                      const std::vector<Word>& values) {
  const FieldSpec* field = program_.slots()[slot].field;
  const Check check{context, ast, slot, field == nullptr ? FieldContent::kPlain : field->content};
  if (!FitsType(check)) return std::nullopt;
  if (ast.op == Operator::kExists) return Add({.op = TestOp::kExists}, slot);
  if (ast.modifier == Modifier::kNone) return Single(check, values);
  std::vector<TypedCondition> each;
  for (const Word& value : values) {
    std::optional<TypedCondition> one = Single(check, {value});
    if (!one) return std::nullopt;
    each.push_back(std::move(*one));
  }
  // Of no values none holds, not even with allof: an empty list must not make a rule match everything.
  return each.empty() ? Never() : Chain(KindOf(ast.modifier), std::move(each));
}

std::optional<TypedCondition> TestBuilder::Single(const Check& check, const std::vector<Word>& values) {
  const FieldType type = program_.slots()[check.slot].type;
  if (type == FieldType::kBool) return Bool(check, values[0]);
  if (TakesList(check.ast.op) && values.empty()) return Never();
  if (IsNumber(type)) return Number(check, values);
  const Operator op = check.ast.op;
  const bool whole = TakesList(op) || op == Operator::kEqual || op == Operator::kNotEqual;
  if (check.content == FieldContent::kAddress && whole && op != Operator::kPathMatch) return Address(check, values);
  return Text(check, values);
}

std::optional<TypedCondition> TestBuilder::Bool(const Check& check, const Word& value) {
  if (value.text != "true" && value.text != "false") {
    return check.context.Fail(
        value.offset,
        fmt::format("{} is true or false, not '{}'", Described(program_.slots()[check.slot]), Printable(value.text)));
  }
  const bool wanted = (value.text == "true") == (check.ast.op == Operator::kEqual);
  return Add({.op = TestOp::kBoolEqual, .number = wanted ? 1.0 : 0.0}, check.slot);
}

std::optional<double> TestBuilder::NumberOf(const Check& check, const Word& value) const {
  const std::optional<Quantity> quantity = ParseQuantity(value.text);
  if (!quantity) {
    return check.context.Fail(value.offset,
                              fmt::format("{} is a number, not '{}'; units are %, KiB, MiB, GiB, TiB, KB, MB, GB, "
                                          "TB, ns, us, ms, s, m, h, d",
                                          Described(program_.slots()[check.slot]), Printable(value.text)));
  }
  const std::string misfit = WhyNoValue(*quantity, value.text, program_.slots()[check.slot]);
  if (!misfit.empty()) return check.context.Fail(value.offset, misfit);
  const bool in_ns = check.content == FieldContent::kNanoseconds && quantity->of == Quantity::Of::kSeconds;
  return quantity->value * (in_ns ? kNsPerSecond : 1);
}

std::optional<TypedCondition> TestBuilder::Number(const Check& check, const std::vector<Word>& values) {
  std::vector<double> numbers;
  for (const Word& value : values) {
    const std::optional<double> number = NumberOf(check, value);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  if (TakesList(check.ast.op)) {
    return Add({.op = TestOp::kNumberIn, .literal = program_.AddNumbers(std::move(numbers))}, check.slot);
  }
  if (check.content == FieldContent::kAtLeastZero) return AtLeastZero(check, numbers[0]);
  return Add({.op = NumberOp(check.ast.op), .number = numbers[0]}, check.slot);
}

// What must hold of a number that is at least 0 holds also where the number itself is not known (NaN).
TypedCondition TestBuilder::AtLeastZero(const Check& check, double number) {
  const Operator op = check.ast.op;
  const bool must = (op == Operator::kGreaterEqual && number <= 0) ||
                    ((op == Operator::kGreater || op == Operator::kNotEqual) && number < 0);
  if (must) return Add({.op = TestOp::kExists}, check.slot);
  TypedCondition test = Add({.op = NumberOp(op), .number = number}, check.slot);
  if (op != Operator::kNotEqual) return test;
  // NaN differs from every number, but that is no knowledge.
  return Chain(TypedCondition::Kind::kAnd,
               {std::move(test), Add({.op = TestOp::kNumberGreaterEqual, .number = 0}, check.slot)});
}

std::optional<TypedCondition> TestBuilder::Text(const Check& check, const std::vector<Word>& values) {
  const Operator op = check.ast.op;
  Test test{.op = TextOp(op)};
  if (TakesList(op)) {
    const bool wild = std::any_of(values.begin(), values.end(), [](const Word& w) { return HasWildcard(w.text); });
    if (op == Operator::kPathMatch && wild) test.op = TestOp::kPathGlob;
    test.literal = program_.AddSet(TextsOf(values));
    return Add(test, check.slot);
  }
  const Word& value = values[0];
  if (op == Operator::kRegex) {
    std::string error;
    const std::optional<uint32_t> regex = program_.AddRegex(value.text, error);
    if (!regex) return check.context.Fail(value.offset, error);
    test.literal = *regex;
    return Add(test, check.slot);
  }
  std::string text = value.text;
  if (op == Operator::kBContains || op == Operator::kBStartsWith) {
    const std::optional<std::string> bytes = HexBytes(text);
    if (!bytes) {
      return check.context.Fail(value.offset, fmt::format("'{}' takes pairs of hexadecimal digits, as in CAFE01, not "
                                                          "'{}'",
                                                          OperatorText(op), Printable(text)));
    }
    text = *bytes;
  }
  if (op == Operator::kIContains || op == Operator::kIGlob) text = ToLower(text);
  test.literal = program_.AddText(text);
  return Add(test, check.slot);
}

// Plain addresses are compared as texts, so that the index can use them.
std::optional<TypedCondition> TestBuilder::Address(const Check& check, std::vector<Word> values) {
  std::vector<Network> networks;
  bool only_hosts = true;
  for (Word& value : values) {
    const std::optional<Network> network = ParseNetwork(value.text);
    if (!network) {
      check.context.Warn(value.offset, fmt::format("'{}' is no IP address or network, as in 10.0.0.0/8: nothing "
                                                   "equals it",
                                                   Printable(value.text)));
      continue;
    }
    networks.push_back(*network);
    const std::optional<std::string> normal = NormalAddress(value.text);
    only_hosts &= normal.has_value();
    if (normal) value.text = *normal;
  }
  if (only_hosts) return Text(check, values);
  TypedCondition inside =
      Add({.op = TestOp::kNetwork, .literal = program_.AddNetworks(std::move(networks))}, check.slot);
  if (check.ast.op != Operator::kNotEqual) return inside;
  return Chain(TypedCondition::Kind::kAnd, {Add({.op = TestOp::kExists}, check.slot), Not(std::move(inside))});
}

std::optional<TypedCondition> TestBuilder::WithSlot(const CheckContext& context, const Ast& ast, uint32_t slot,
                                                    uint32_t right) {
  if (!FitsType({context, ast, slot, FieldContent::kPlain})) return std::nullopt;
  const Slot& l = program_.slots()[slot];
  const Slot& r = program_.slots()[right];
  if (!SameSort(l.type, r.type)) {
    return context.Fail(ast.right->offset,
                        fmt::format("'{}' is {}, '{}' is {}: they cannot be compared", Printable(l.name),
                                    TypeName(l.type), Printable(r.name), TypeName(r.type)));
  }
  if (ast.op == Operator::kRegex || ast.op == Operator::kBContains || ast.op == Operator::kBStartsWith) {
    return context.Fail(ast.right->offset, fmt::format("'{}' takes a fixed value", OperatorText(ast.op)));
  }
  Test test{.op = TestOp::kBoolEqual, .with_slot = true, .literal = right};
  if (l.type != FieldType::kBool) test.op = IsNumber(l.type) ? NumberOp(ast.op) : TextOp(ast.op);
  TypedCondition equal = Add(test, slot);
  if (l.type != FieldType::kBool || ast.op != Operator::kNotEqual) return equal;
  // There is no "differs" for flags.
  return Chain(TypedCondition::Kind::kAnd,
               {Add({.op = TestOp::kExists}, slot), Add({.op = TestOp::kExists}, right), Not(std::move(equal))});
}

std::optional<TypedCondition> TestBuilder::EventType(const CheckContext& context, const Ast& ast,
                                                     const std::vector<Word>& values) {
  EventTypes types;
  for (const Word& value : values) {
    const std::optional<EventTypes> found = FindEventType(value.text);
    if (!found) {
      return context.Fail(value.offset, fmt::format("unknown event type '{}'{}", Printable(value.text),
                                                    DidYouMean(NearestEventTypes(value.text))));
    }
    types.Add(*found);
  }
  TypedCondition typed = Never();
  if (types.Some() != 0) {
    typed = TypedCondition();
    typed.index = program_.AddTest({.op = TestOp::kEventType, .literal = program_.AddEventTypes(types)});
    typed.can_hold = types.Some();
    typed.can_fail = kAllKinds & ~types.Whole();
  }
  return ast.op == Operator::kNotEqual ? Not(std::move(typed)) : std::move(typed);
}

}  // namespace tensorwarden::rules
