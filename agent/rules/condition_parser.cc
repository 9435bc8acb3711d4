#include "agent/rules/condition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kReserved[] = {"and", "or", "not"};
constexpr std::string_view kTransformers[] = {"tolower", "toupper", "b64",    "basename", "len",
                                              "join",    "concat",  "getopt", "val"};
constexpr std::string_view kModifiers[] = {"oneof", "anyof", "allof"};
constexpr std::string_view kUnsupported[] = {"bcontains", "bstartswith"};

template <size_t N>
bool IsOneOf(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

class Parser {
 public:
  Parser(std::string_view text, LexError& error) : lexer_(text), error_(error) {}

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
    Ast node;
    node.offset = lexer_.Offset();
    node.name = lexer_.TakeName();
    if (node.name.empty()) return Fail(fmt::format("expected a field, a macro or '(', found {}", lexer_.Describe()));
    if (IsOneOf(kReserved, node.name)) {
      return FailAt(node.offset, fmt::format("expected a field, a macro or '(', found '{}'", node.name));
    }
    if (lexer_.SeesSymbol('(') && IsOneOf(kTransformers, node.name)) {
      return FailAt(node.offset, fmt::format("the function {}() is not supported", node.name));
    }
    const bool is_field = node.name.find('.') != std::string::npos;
    return is_field ? ParseCheck(std::move(node)) : ParseMacro(std::move(node));
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

  std::optional<Ast> ParseMacro(Ast node) {
    node.kind = Ast::Kind::kMacro;
    if (lexer_.TakeOperator()) {
      return FailAt(node.offset,
                    fmt::format("'{}' is no field: fields have a '.', as in proc.name", Printable(node.name)));
    }
    return node;
  }

  std::optional<Ast> ParseCheck(Ast node) {
    std::optional<LexError> lex_error;
    node.has_argument = lexer_.TakeArgument(node.argument, lex_error);
    if (lex_error) return Fail(*lex_error);
    node.op_offset = lexer_.Offset();
    const std::optional<Operator> op = lexer_.TakeOperator();
    if (!op) return FailOperator(node);
    node.op = *op;
    if (node.op == Operator::kExists) return node;
    const bool takes_list =
        node.op == Operator::kIn || node.op == Operator::kIntersects || node.op == Operator::kPathMatch;
    return takes_list && lexer_.TakeSymbol('(') ? ParseList(std::move(node)) : ParseValue(std::move(node));
  }

  std::nullopt_t FailOperator(const Ast& node) {
    const std::string found = lexer_.Describe();
    for (const std::string_view name : kUnsupported) {
      if (lexer_.TakeKeyword(name)) return FailAt(node.op_offset, fmt::format("'{}' is not supported", name));
    }
    return FailAt(node.op_offset,
                  fmt::format("expected an operator after field '{}', found {}", Printable(node.name), found));
  }

  std::optional<Ast> ParseValue(Ast node) {
    std::optional<LexError> lex_error;
    std::optional<Word> word = lexer_.TakeWord(lex_error);
    if (lex_error) return Fail(*lex_error);
    if (!word) {
      return Fail(fmt::format("expected a value after '{}', found {}", OperatorText(node.op), lexer_.Describe()));
    }
    if (!word->quoted && IsOneOf(kModifiers, word->text) && lexer_.SeesSymbol('(')) {
      return FailAt(word->offset, fmt::format("'{}' is not supported; write the cases with 'or' or 'and'", word->text));
    }
    if (!word->quoted && IsOneOf(kTransformers, word->text) && lexer_.SeesSymbol('(')) {
      return FailAt(word->offset, fmt::format("the function {}() is not supported", word->text));
    }
    node.values.push_back(std::move(*word));
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
  size_t depth_ = 0;
};

}  // namespace

std::optional<Ast> ParseCondition(std::string_view text, LexError& error) {
  if (text.size() > kMaxConditionBytes) {
    error = {0, fmt::format("condition is longer than {} bytes", kMaxConditionBytes)};
    return std::nullopt;
  }
  return Parser(text, error).ParseAll();
}

}  // namespace tensorwarden::rules
