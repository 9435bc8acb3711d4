#include "agent/rules/condition/condition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/rules/condition/operand_parser.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kReserved[] = {"and", "or", "not"};
template <size_t N>
bool IsOneOf(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Modifier ModifierOf(const Word& word) {
  if (word.quoted) return Modifier::kNone;
  if (word.text == "oneof") return Modifier::kOneOf;
  if (word.text == "anyof") return Modifier::kAnyOf;
  return word.text == "allof" ? Modifier::kAllOf : Modifier::kNone;
}

class Parser {
 public:
  Parser(std::string_view text, LexError& error, std::span<const size_t> line_ends)
      : lexer_(text, line_ends), error_(error), operands_(lexer_, error) {}

  std::optional<Ast> ParseAll() {
    std::optional<Ast> condition = ParseOr();
    if (!condition) return std::nullopt;
    if (!lexer_.AtEnd()) return Fail(fmt::format("expected 'and', 'or' or the end, found {}", lexer_.Describe()));
    return condition;
  }

 private:
  std::nullopt_t FailAt(size_t offset, std::string message) {
    error_ = {offset, std::move(message)};
    return std::nullopt;
  }
  std::nullopt_t Fail(std::string message) { return FailAt(lexer_.Offset(), std::move(message)); }
  std::nullopt_t Fail(const LexError& error) { return FailAt(error.offset, error.message); }

  std::optional<Ast> ParseOr() {
    return ParseChain("or", Ast::Kind::kOr, [this] { return ParseAnd(); });
  }
  std::optional<Ast> ParseAnd() {
    return ParseChain("and", Ast::Kind::kAnd, [this] { return ParseNot(); });
  }

  template <typename ParseOperand>
  std::optional<Ast> ParseChain(std::string_view keyword, Ast::Kind kind, ParseOperand operand) {
    std::optional<Ast> first = operand();
    if (!first || !lexer_.TakeKeyword(keyword)) return first;
    Ast chain;
    chain.kind = kind;
    chain.offset = first->offset;
    chain.children.push_back(std::move(*first));
    do {
      std::optional<Ast> next = operand();
      if (!next) return std::nullopt;
      chain.children.push_back(std::move(*next));
    } while (lexer_.TakeKeyword(keyword));
    return chain;
  }

  // Pairs of "not" cancel here, so a long run of them costs no depth.
  std::optional<Ast> ParseNot() {
    const size_t offset = lexer_.Offset();
    bool negated = false;
    while (lexer_.TakeKeyword("not")) negated = !negated;
    std::optional<Ast> primary = ParsePrimary();
    if (!primary || !negated) return primary;
    Ast negation;
    negation.kind = Ast::Kind::kNot;
    negation.offset = offset;
    negation.children.push_back(std::move(*primary));
    return negation;
  }

  std::optional<Ast> ParsePrimary() {
    if (lexer_.TakeSymbol('(')) return ParseBrackets();
    const size_t offset = lexer_.Offset();
    std::string name = lexer_.TakeName();
    if (name.empty()) return Fail(fmt::format("expected a field, a macro or '(', found {}", lexer_.Describe()));
    if (IsOneOf(kReserved, name)) {
      return FailAt(offset, fmt::format("expected a field, a macro or '(', found '{}'", name));
    }
    const bool is_field = name.find('.') != std::string::npos;
    return is_field || lexer_.Touches('(') ? ParseCheck(std::move(name), offset) : ParseMacro(std::move(name), offset);
  }

  std::optional<Ast> ParseBrackets() {
    if (++depth_ > kMaxConditionDepth) {
      return Fail(fmt::format("brackets nest deeper than {}", kMaxConditionDepth));
    }
    std::optional<Ast> inner = ParseOr();
    if (!inner) return std::nullopt;
    if (!lexer_.TakeSymbol(')')) return Fail(fmt::format("expected ')', found {}", lexer_.Describe()));
    --depth_;
    return inner;
  }

  std::optional<Ast> ParseMacro(std::string name, size_t offset) {
    if (lexer_.TakeOperator()) {
      return FailAt(offset, fmt::format("'{}' is no field: fields have a '.', as in proc.name", Printable(name)));
    }
    Ast node;
    node.kind = Ast::Kind::kMacro;
    node.offset = offset;
    node.name = std::move(name);
    return node;
  }

  std::optional<Ast> ParseCheck(std::string name, size_t offset) {
    std::optional<Operand> left = operands_.ParseRest(std::move(name), offset);
    if (!left) return std::nullopt;
    Ast node;
    node.offset = offset;
    node.left = std::move(*left);
    if (node.left.name == "val") return FailAt(offset, "val() stands on the right of an operator only");
    node.op_offset = lexer_.Offset();
    const std::optional<Operator> op = lexer_.TakeOperator();
    if (!op) {
      return FailAt(node.op_offset, fmt::format("expected an operator after {} '{}', found {}",
                                                node.left.kind == Operand::Kind::kField ? "field" : "function",
                                                Printable(node.left.name), lexer_.Describe()));
    }
    node.op = *op;
    if (node.op == Operator::kExists) return node;
    return TakesList(node.op) && lexer_.TakeSymbol('(') ? ParseList(std::move(node)) : ParseValue(std::move(node));
  }

  std::optional<Ast> ParseValue(Ast node) {
    std::optional<LexError> lex_error;
    std::optional<Word> word = lexer_.TakeWord(lex_error);
    if (lex_error) return Fail(*lex_error);
    if (!word) {
      return Fail(fmt::format("expected a value after '{}', found {}", OperatorText(node.op), lexer_.Describe()));
    }
    if (const Modifier modifier = ModifierOf(*word); modifier != Modifier::kNone && SeesList()) {
      return ParseModified(std::move(node), modifier, *word);
    }
    if (!word->quoted && lexer_.Touches('(')) {
      node.right = operands_.ParseRest(word->text, word->offset);
      if (!node.right) return std::nullopt;
      return node;
    }
    node.values.push_back(std::move(*word));
    return node;
  }

  // A list, or the name of one, comes next: after "anyof" and its like, which are values otherwise.
  bool SeesList() {
    if (lexer_.SeesSymbol('(')) return true;
    Lexer ahead = lexer_;
    const std::string name = ahead.TakeName();
    return !name.empty() && !IsOneOf(kReserved, name);
  }

  std::optional<Ast> ParseModified(Ast node, Modifier modifier, const Word& word) {
    if (TakesList(node.op)) {
      return FailAt(word.offset,
                    fmt::format("'{}' takes a list already, without '{}'", OperatorText(node.op), word.text));
    }
    node.modifier = modifier;
    if (lexer_.TakeSymbol('(')) return ParseList(std::move(node));
    Word name{.text = "", .quoted = false, .offset = lexer_.Offset()};
    name.text = lexer_.TakeName();
    node.values.push_back(std::move(name));
    return node;
  }

  std::optional<Ast> ParseList(Ast node) {
    node.bracketed = true;
    if (lexer_.TakeSymbol(')')) return node;
    do {
      std::optional<LexError> lex_error;
      std::optional<Word> word = lexer_.TakeWord(lex_error);
      if (lex_error) return Fail(*lex_error);
      if (!word) return Fail(fmt::format("expected a value in the list, found {}", lexer_.Describe()));
      node.values.push_back(std::move(*word));
    } while (lexer_.TakeSymbol(','));
    if (!lexer_.TakeSymbol(')')) return Fail(fmt::format("expected ',' or ')', found {}", lexer_.Describe()));
    return node;
  }

  Lexer lexer_;
  LexError& error_;
  OperandParser operands_;
  size_t depth_ = 0;
};

}  // namespace

std::optional<Ast> ParseCondition(std::string_view text, LexError& error, std::span<const size_t> line_ends) {
  if (text.size() > kMaxConditionBytes) {
    error = {0, fmt::format("condition is longer than {} bytes", kMaxConditionBytes)};
    return std::nullopt;
  }
  return Parser(text, error, line_ends).ParseAll();
}

std::optional<Operand> ParseOperand(std::string_view text, size_t& taken, LexError& error) {
  Lexer lexer(text);
  std::string name = lexer.TakeName();
  // A full stop behind a field ends the sentence.
  size_t length = name.size();
  while (length > 0 && name[length - 1] == '.') --length;
  Lexer exact(text.substr(0, length < name.size() ? length : text.size()));
  name = exact.TakeName();
  std::optional<Operand> operand = OperandParser(exact, error).ParseRest(std::move(name), 0);
  if (operand) taken = exact.At();
  return operand;
}

}  // namespace tensorwarden::rules
