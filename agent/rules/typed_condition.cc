#include "agent/rules/typed_condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/rules/condition_parser.h"
#include "agent/rules/literal.h"

namespace tensorwarden::rules {
namespace {

constexpr size_t kMaxListDepth = 16;  // lists within lists
constexpr uint32_t kMaxArgument = 31;

const char* TypeName(FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return "true or false";
    case FieldType::kNumber:
      return "a number";
    case FieldType::kString:
      return "a text";
    case FieldType::kStringList:
      return "a list of texts";
  }
  return "";
}

bool IsComparison(Operator op) {
  return op == Operator::kLess || op == Operator::kLessEqual || op == Operator::kGreater ||
         op == Operator::kGreaterEqual;
}

bool Takes(FieldType type, Operator op) {
  if (op == Operator::kExists || op == Operator::kEqual || op == Operator::kNotEqual) return true;
  if (type == FieldType::kBool) return false;
  if (op == Operator::kIn) return true;
  return IsComparison(op) == (type == FieldType::kNumber);
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
      return TestOp::kContains;
    case Operator::kIContains:
      return TestOp::kIContains;
    case Operator::kStartsWith:
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

bool TakesList(Operator op) { return op == Operator::kIn || op == Operator::kIntersects || op == Operator::kPathMatch; }

bool IsEventType(const Ast& ast) {
  const bool named = ast.name == "evt.type" || ast.name == "evt.kind";
  return named && !ast.has_argument &&
         (ast.op == Operator::kEqual || ast.op == Operator::kNotEqual || ast.op == Operator::kIn);
}

std::vector<std::string> TextsOf(const std::vector<Word>& words) {
  std::vector<std::string> texts;
  texts.reserve(words.size());
  for (const Word& word : words) texts.push_back(word.text);
  return texts;
}

TypedCondition Never() {
  TypedCondition never;
  never.kind = TypedCondition::Kind::kNever;
  never.can_hold = 0;
  return never;
}

TypedCondition Not(TypedCondition inner) {
  TypedCondition negation;
  negation.kind = TypedCondition::Kind::kNot;
  negation.can_hold = inner.can_fail;
  negation.can_fail = inner.can_hold;
  negation.size = inner.size + 1;
  negation.depth = inner.depth + 1;
  negation.children.push_back(std::move(inner));
  return negation;
}

}  // namespace

TypeChecker::TypeChecker(const Definitions& definitions, Program& program, Diagnostics& diagnostics)
    : definitions_(definitions), program_(program), diagnostics_(diagnostics), macros_(definitions.macros().size()) {}

std::nullopt_t TypeChecker::Fail(const Context& context, size_t offset, const std::string& message) {
  diagnostics_.Error(context.text.At(offset), context.subject + message);
  return std::nullopt;
}

void TypeChecker::CheckMacros() {
  for (size_t i = 0; i < macros_.size(); ++i) OpenMacro(static_cast<int>(i));
}

// Checks macro `index` unless that was done. False when it is open already: it uses itself.
bool TypeChecker::OpenMacro(int index) {
  MacroEntry& entry = macros_[static_cast<size_t>(index)];
  if (entry.state == State::kOpen) return false;
  if (entry.state == State::kDone) return true;
  entry.state = State::kOpen;
  ++open_macros_;
  const MacroDefinition& macro = definitions_.macros()[static_cast<size_t>(index)];
  entry.condition = Check(fmt::format("macro '{}': ", Printable(macro.name)), macro.condition);
  --open_macros_;
  entry.state = State::kDone;
  return true;
}

std::optional<TypedCondition> TypeChecker::Check(const std::string& subject, const MappedText& condition) {
  const Context context{subject, condition};
  LexError error;
  const std::optional<Ast> ast = ParseCondition(condition.text(), error);
  if (!ast) return Fail(context, error.offset, error.message);
  return Visit(context, *ast);
}

std::optional<TypedCondition> TypeChecker::Visit(const Context& context, const Ast& ast) {
  std::optional<TypedCondition> typed;
  switch (ast.kind) {
    case Ast::Kind::kMacro:
      typed = VisitMacro(context, ast);
      break;
    case Ast::Kind::kCheck:
      typed = VisitCheck(context, ast);
      break;
    default:
      typed = VisitChildren(context, ast);
  }
  if (typed && typed->size > kMaxSize) return Fail(context, ast.offset, "condition is too large with its macros");
  if (typed && typed->depth > kMaxDepth) return Fail(context, ast.offset, "condition nests too deep with its macros");
  return typed;
}

std::optional<TypedCondition> TypeChecker::VisitChildren(const Context& context, const Ast& ast) {
  if (ast.kind == Ast::Kind::kNot) {
    std::optional<TypedCondition> inner = Visit(context, ast.children[0]);
    if (!inner) return std::nullopt;
    return Not(std::move(*inner));
  }
  const bool is_and = ast.kind == Ast::Kind::kAnd;
  TypedCondition typed;
  typed.kind = is_and ? TypedCondition::Kind::kAnd : TypedCondition::Kind::kOr;
  typed.can_hold = is_and ? kAllKinds : 0;
  typed.can_fail = is_and ? 0 : kAllKinds;
  for (const Ast& operand : ast.children) {
    std::optional<TypedCondition> child = Visit(context, operand);
    if (!child) return std::nullopt;
    typed.can_hold = is_and ? typed.can_hold & child->can_hold : typed.can_hold | child->can_hold;
    typed.can_fail = is_and ? typed.can_fail | child->can_fail : typed.can_fail & child->can_fail;
    typed.size += child->size;
    typed.depth = std::max(typed.depth, child->depth + 1);
    typed.children.push_back(std::move(*child));
  }
  return typed;
}

std::optional<TypedCondition> TypeChecker::VisitMacro(const Context& context, const Ast& ast) {
  const int index = definitions_.FindMacro(ast.name);
  if (index < 0) {
    return Fail(
        context, ast.offset,
        fmt::format("unknown macro '{}'{}", Printable(ast.name), DidYouMean(definitions_.NearestMacros(ast.name))));
  }
  if (open_macros_ > kMaxMacroDepth) {
    return Fail(context, ast.offset, fmt::format("macros nest deeper than {}", kMaxMacroDepth));
  }
  if (!OpenMacro(index)) {
    return Fail(context, ast.offset, fmt::format("macro '{}' uses itself", Printable(ast.name)));
  }
  const std::optional<TypedCondition>& macro = macros_[static_cast<size_t>(index)].condition;
  if (!macro) return Fail(context, ast.offset, fmt::format("macro '{}' has an error", Printable(ast.name)));
  TypedCondition typed;
  typed.kind = TypedCondition::Kind::kMacro;
  typed.index = static_cast<uint32_t>(index);
  typed.can_hold = macro->can_hold;
  typed.can_fail = macro->can_fail;
  typed.size = macro->size + 1;
  typed.depth = macro->depth + 1;
  return typed;
}

const FieldSpec* TypeChecker::FieldOf(const Context& context, const Ast& ast) {
  const FieldSpec* field = FindField(ast.name);
  if (field == nullptr) {
    Fail(context, ast.offset,
         fmt::format("unknown field '{}'{}", Printable(ast.name), DidYouMean(NearestFields(ast.name))));
    return nullptr;
  }
  if (!ast.has_argument) return field;
  uint32_t number = 0;
  const char* end = ast.argument.data() + ast.argument.size();
  const auto parsed = std::from_chars(ast.argument.data(), end, number);
  const bool valid = parsed.ec == std::errc() && parsed.ptr == end && number <= kMaxArgument;
  if (field->takes_argument && valid) return field;
  Fail(context, ast.offset,
       field->takes_argument ? fmt::format("{}[...] takes a number from 0 to {}", field->name, kMaxArgument)
                             : fmt::format("field '{}' takes no argument in '[]'", field->name));
  return nullptr;
}

std::optional<TypedCondition> TypeChecker::VisitCheck(const Context& context, const Ast& ast) {
  const FieldSpec* field = FieldOf(context, ast);
  if (field == nullptr) return std::nullopt;
  if (!Takes(field->type, ast.op)) {
    return Fail(context, ast.op_offset,
                fmt::format("'{}' does not fit field '{}', which is {}", OperatorText(ast.op), field->name,
                            TypeName(field->type)));
  }
  if (IsEventType(ast)) return VisitEventType(context, ast);
  std::optional<Test> test = BuildTest(context, ast, *field);
  if (!test) return std::nullopt;
  if (TakesList(ast.op) && ast.bracketed && ast.values.empty()) return Never();
  test->slot = program_.AddSlot(field, ast.argument);
  TypedCondition typed;
  typed.index = program_.AddTest(*test);
  typed.can_hold = field->kinds & kAllKinds;
  return typed;
}

std::optional<TypedCondition> TypeChecker::VisitEventType(const Context& context, const Ast& ast) {
  const std::optional<std::vector<Word>> values = ValuesOf(context, ast);
  if (!values) return std::nullopt;
  EventTypes types;
  for (const Word& value : *values) {
    const std::optional<EventTypes> found = FindEventType(value.text);
    if (!found) {
      return Fail(
          context, value.offset,
          fmt::format("unknown event type '{}'{}", Printable(value.text), DidYouMean(NearestEventTypes(value.text))));
    }
    types.Add(*found);
  }
  TypedCondition typed;
  typed.index = program_.AddTest({.op = TestOp::kEventType, .literal = program_.AddEventTypes(types)});
  typed.can_hold = types.Some();
  typed.can_fail = kAllKinds & ~types.Whole();
  return ast.op == Operator::kNotEqual ? Not(std::move(typed)) : std::move(typed);
}

std::optional<Test> TypeChecker::BuildTest(const Context& context, const Ast& ast, const FieldSpec& field) {
  if (ast.op == Operator::kExists) return Test{.op = TestOp::kExists};
  if (field.type == FieldType::kBool) return BuildBool(context, ast);
  if (field.type == FieldType::kNumber) return BuildNumber(context, ast);
  return BuildText(context, ast);
}

std::optional<Test> TypeChecker::BuildBool(const Context& context, const Ast& ast) {
  const Word& value = ast.values[0];
  if (value.text != "true" && value.text != "false") {
    return Fail(context, value.offset,
                fmt::format("field '{}' is true or false, not '{}'", ast.name, Printable(value.text)));
  }
  const bool wanted = (value.text == "true") == (ast.op == Operator::kEqual);
  return Test{.op = TestOp::kBoolEqual, .number = wanted ? 1.0 : 0.0};
}

std::optional<Test> TypeChecker::BuildNumber(const Context& context, const Ast& ast) {
  const std::optional<std::vector<Word>> values = ValuesOf(context, ast);
  if (!values) return std::nullopt;
  std::vector<double> numbers;
  for (const Word& value : *values) {
    const std::optional<double> number = ParseNumber(value.text);
    if (!number) {
      return Fail(context, value.offset,
                  fmt::format("field '{}' is a number, not '{}'; units are %, KiB, MiB, GiB, TiB, KB, MB, GB, TB, ns, "
                              "us, ms, s, m, h, d",
                              ast.name, Printable(value.text)));
    }
    numbers.push_back(*number);
  }
  if (ast.op == Operator::kIn) {
    return Test{.op = TestOp::kNumberIn, .literal = program_.AddNumbers(std::move(numbers))};
  }
  return Test{.op = NumberOp(ast.op), .number = numbers[0]};
}

std::optional<Test> TypeChecker::BuildText(const Context& context, const Ast& ast) {
  const std::optional<std::vector<Word>> values = ValuesOf(context, ast);
  if (!values) return std::nullopt;
  Test test{.op = TextOp(ast.op)};
  if (TakesList(ast.op)) {
    test.literal = program_.AddSet(TextsOf(*values));
    return test;
  }
  const Word& value = (*values)[0];
  if (ast.op == Operator::kRegex) {
    std::string error;
    const std::optional<uint32_t> regex = program_.AddRegex(value.text, error);
    if (!regex) return Fail(context, value.offset, "bad regular expression: " + Printable(error));
    test.literal = *regex;
    return test;
  }
  const bool folded = ast.op == Operator::kIContains || ast.op == Operator::kIGlob;
  test.literal = program_.AddText(folded ? ToLower(value.text) : value.text);
  return test;
}

std::optional<std::vector<Word>> TypeChecker::ValuesOf(const Context& context, const Ast& ast) {
  if (!TakesList(ast.op)) return ast.values;
  std::vector<Word> values;
  for (const Word& word : ast.values) {
    const bool names_list = !word.quoted && definitions_.FindList(word.text) != nullptr;
    if (!names_list && !ast.bracketed && !word.quoted) {
      return Fail(context, word.offset,
                  fmt::format("unknown list '{}'{}; a single value needs brackets", Printable(word.text),
                              DidYouMean(definitions_.NearestLists(word.text))));
    }
    if (!names_list) {
      WarnIfMisspelt(context, word);
      ++literals_;
      values.push_back(word);
    } else if (!ExpandList(context, word, 0, values)) {
      return std::nullopt;
    }
  }
  if (literals_ > kMaxLiterals) return Fail(context, ast.offset, "too many list values in all conditions");
  return values;
}

// In brackets a misspelt list name is silently a text. Texts rarely have an underscore, list names nearly always.
void TypeChecker::WarnIfMisspelt(const Context& context, const Word& word) {
  if (word.quoted || word.text.find('_') == std::string::npos) return;
  const std::vector<std::string_view> nearest = definitions_.NearestLists(word.text);
  if (nearest.empty()) return;
  diagnostics_.Warning(context.text.At(word.offset), fmt::format("{}'{}' is a text, not a list{}", context.subject,
                                                                 Printable(word.text), DidYouMean(nearest)));
}

// Items that name a list stand for its items. Each keeps the offset of the name in the condition, for messages.
bool TypeChecker::ExpandList(const Context& context, const Word& name, size_t depth, std::vector<Word>& values) {
  if (depth > kMaxListDepth) {
    Fail(context, name.offset,
         fmt::format("list '{}' nests deeper than {}, or uses itself", Printable(name.text), kMaxListDepth));
    return false;
  }
  for (const ListItem& item : definitions_.FindList(name.text)->items) {
    Word word{item.text, item.quoted, name.offset};
    const bool is_list = !item.quoted && item.text != name.text && definitions_.FindList(item.text) != nullptr;
    if (is_list && !ExpandList(context, word, depth + 1, values)) return false;
    if (!is_list) values.push_back(std::move(word));
    // Items are counted, not values: lists of empty lists must end too.
    if (++literals_ > kMaxLiterals) {
      Fail(context, name.offset, "too many list values in all conditions");
      return false;
    }
  }
  return true;
}

}  // namespace tensorwarden::rules
