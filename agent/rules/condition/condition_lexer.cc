#include "agent/rules/condition/condition_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/rules/condition/literal.h"
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
    {"icontains", Operator::kIContains},   {"bcontains", Operator::kBContains},
    {"startswith", Operator::kStartsWith}, {"bstartswith", Operator::kBStartsWith},
    {"endswith", Operator::kEndsWith},     {"glob", Operator::kGlob},
    {"iglob", Operator::kIGlob},           {"regex", Operator::kRegex},
    {"pmatch", Operator::kPathMatch},
};

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsNameByte(char c) { return IsLetter(c) || (c >= '0' && c <= '9') || c == '_'; }
bool IsBareByte(char c) { return !IsBlank(c) && c != '(' && c != ')' && c != '"' && c != '\'' && c != ',' && c != '='; }

char EscapedByte(char c) {
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

bool TakesList(Operator op) { return op == Operator::kIn || op == Operator::kIntersects || op == Operator::kPathMatch; }

std::optional<std::string> Unescaped(std::string_view inside, LexError& error) {
  std::string text;
  for (size_t i = 0; i < inside.size(); ++i) {
    const char next = inside[i] == '\\' && i + 1 < inside.size() ? inside[i + 1] : '\0';
    if (next == 'x') {
      const std::optional<std::string> byte = HexBytes(inside.substr(i + 2, 2));
      if (!byte || byte->size() != 1 || (*byte)[0] == '\0') {
        error = {i, "\\x takes two hexadecimal digits, and not 00"};
        return std::nullopt;
      }
      text += *byte;
      i += 3;
      continue;
    }
    const char escaped = next == '\0' ? '\0' : EscapedByte(next);
    if (escaped != '\0') ++i;
    text += escaped != '\0' ? escaped : inside[i];
  }
  return text;
}

size_t Lexer::CommentEnd() const {
  const size_t line_feed = std::min(text_.find('\n', at_), text_.size());
  const auto fold = std::upper_bound(line_ends_.begin(), line_ends_.end(), at_);
  return fold == line_ends_.end() ? line_feed : std::min(*fold, line_feed);
}

void Lexer::SkipBlanks() {
  while (at_ < text_.size()) {
    if (text_[at_] == '#') {
      at_ = CommentEnd();
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
  if (!Touches('[')) return false;
  const size_t open = at_++;
  const bool quoted = Touches('"') || Touches('\'');
  if (quoted) {
    const std::optional<Word> word = TakeQuoted(error);
    if (!word) return false;
    argument = word->text;
  } else {
    const size_t end = std::min(text_.find_first_of("[]\"' \t\r\n", at_), text_.size());
    argument = std::string(text_.substr(at_, end - at_));
    at_ = end;
  }
  if (!Touches(']')) {
    error = LexError{open, "'[' is not closed"};
    return false;
  }
  ++at_;
  if (argument.empty()) error = LexError{open, "the argument in '[]' is missing"};
  return !error;
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
  const size_t open = at_;
  size_t close = open + 1;
  while (close < text_.size() && text_[close] != quote) close += text_[close] == '\\' ? 2 : 1;
  if (close >= text_.size()) {
    error = LexError{open, fmt::format("the quote {} is not closed", quote)};
    return std::nullopt;
  }
  LexError escape;
  std::optional<std::string> text = Unescaped(text_.substr(open + 1, close - open - 1), escape);
  if (!text) {
    error = LexError{open + 1 + escape.offset, escape.message};
    return std::nullopt;
  }
  at_ = close + 1;
  return Word{.text = *std::move(text), .quoted = true, .offset = open};
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
