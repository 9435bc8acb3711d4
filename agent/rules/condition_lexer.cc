#include "agent/rules/condition_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

struct OperatorName {
  std::string_view text;
  Operator op;
};

// A symbol's longer form stands before its shorter one.
constexpr OperatorName kSymbols[] = {
    {"==", Operator::kEqual},     {"=", Operator::kEqual}, {"!=", Operator::kNotEqual},
    {"<=", Operator::kLessEqual}, {"<", Operator::kLess},  {">=", Operator::kGreaterEqual},
    {">", Operator::kGreater},
};
constexpr OperatorName kWords[] = {
    {"exists", Operator::kExists},         {"in", Operator::kIn},
    {"intersects", Operator::kIntersects}, {"contains", Operator::kContains},
    {"icontains", Operator::kIContains},   {"startswith", Operator::kStartsWith},
    {"endswith", Operator::kEndsWith},     {"glob", Operator::kGlob},
    {"iglob", Operator::kIGlob},           {"regex", Operator::kRegex},
    {"pmatch", Operator::kPathMatch},
};

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsNameByte(char c) { return IsLetter(c) || (c >= '0' && c <= '9') || c == '_'; }
bool IsBareByte(char c) { return !IsBlank(c) && c != '(' && c != ')' && c != '"' && c != '\'' && c != ',' && c != '='; }

char Unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '\\':
    case '\'':
    case '"':
      return c;
    default:
      return '\0';
  }
}

}  // namespace

const char* OperatorText(Operator op) {
  for (const OperatorName& name : kSymbols) {
    if (name.op == op && name.text != "==") return name.text.data();
  }
  for (const OperatorName& name : kWords) {
    if (name.op == op) return name.text.data();
  }
  return "?";
}

void Lexer::SkipBlanks() {
  while (at_ < text_.size()) {
    if (text_[at_] == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (IsBlank(text_[at_])) {
      ++at_;
    } else {
      return;
    }
  }
}

size_t Lexer::Offset() {
  SkipBlanks();
  return at_;
}

bool Lexer::AtEnd() { return Offset() == text_.size(); }

bool Lexer::SeesSymbol(char symbol) { return !AtEnd() && text_[at_] == symbol; }

bool Lexer::TakeSymbol(char symbol) {
  if (!SeesSymbol(symbol)) return false;
  ++at_;
  return true;
}

bool Lexer::TakeKeyword(std::string_view keyword) {
  SkipBlanks();
  if (!Rest().starts_with(keyword)) return false;
  const size_t end = at_ + keyword.size();
  if (end < text_.size() && (IsNameByte(text_[end]) || text_[end] == '.')) return false;
  at_ = end;
  return true;
}

std::string Lexer::TakeName() {
  SkipBlanks();
  size_t end = at_;
  if (end < text_.size() && IsLetter(text_[end])) {
    while (end < text_.size() && (IsNameByte(text_[end]) || text_[end] == '.')) ++end;
  }
  std::string name(text_.substr(at_, end - at_));
  at_ = end;
  return name;
}

bool Lexer::TakeArgument(std::string& argument, std::optional<LexError>& error) {
  if (at_ >= text_.size() || text_[at_] != '[') return false;
  const size_t open = at_;
  const size_t close = text_.find(']', open);
  if (close == std::string_view::npos) {
    error = LexError{open, "'[' is not closed"};
    return false;
  }
  std::string_view inside = text_.substr(open + 1, close - open - 1);
  const bool quoted = inside.size() >= 2 && (inside.front() == '"' || inside.front() == '\'');
  if (quoted && inside.back() == inside.front()) inside = inside.substr(1, inside.size() - 2);
  if (inside.empty()) {
    error = LexError{open, "the argument in '[]' is missing"};
    return false;
  }
  argument = std::string(inside);
  at_ = close + 1;
  return true;
}

std::optional<Operator> Lexer::TakeOperator() {
  SkipBlanks();
  for (const OperatorName& name : kSymbols) {
    if (!Rest().starts_with(name.text)) continue;
    at_ += name.text.size();
    return name.op;
  }
  for (const OperatorName& name : kWords) {
    if (TakeKeyword(name.text)) return name.op;
  }
  return std::nullopt;
}

std::optional<Word> Lexer::TakeWord(std::optional<LexError>& error) {
  if (AtEnd()) return std::nullopt;
  if (text_[at_] == '"' || text_[at_] == '\'') return TakeQuoted(error);
  Word word{.text = "", .quoted = false, .offset = at_};
  while (at_ < text_.size() && IsBareByte(text_[at_])) word.text += text_[at_++];
  if (word.text.empty()) return std::nullopt;
  return word;
}

std::optional<Word> Lexer::TakeQuoted(std::optional<LexError>& error) {
  const char quote = text_[at_];
  Word word{.text = "", .quoted = true, .offset = at_};
  for (size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] == quote) {
      at_ = i + 1;
      return word;
    }
    const char escaped = text_[i] == '\\' && i + 1 < text_.size() ? Unescaped(text_[i + 1]) : '\0';
    if (escaped != '\0') ++i;
    // An unknown escape stays as it is, so that patterns need no doubled backslash.
    word.text += escaped != '\0' ? escaped : text_[i];
  }
  error = LexError{at_, fmt::format("the quote {} is not closed", quote)};
  return std::nullopt;
}

std::string Lexer::Describe() {
  if (AtEnd()) return "the end";
  size_t end = at_ + 1;
  if (IsBareByte(text_[at_])) {
    while (end < text_.size() && IsBareByte(text_[end])) ++end;
  }
  return fmt::format("'{}'", Printable(text_.substr(at_, end - at_)));
}

}  // namespace tensorwarden::rules
