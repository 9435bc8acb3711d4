// Words of the condition language. What a run of bytes is depends on where it stands ("a.b" may be a field or a value),
// so the parser asks for what it expects instead of reading a fixed stream of tokens.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/rules/condition/condition_ast.h"

namespace tensorwarden::rules {

struct LexError {
  size_t offset = 0;
  std::string message;
};

class Lexer {
 public:
  // `line_ends`: offsets, rising, where the author's line ended although the text has no line feed there: YAML folds
  // lines, and a comment must not swallow what follows.
  explicit Lexer(std::string_view text, std::span<const size_t> line_ends = {}) : text_(text), line_ends_(line_ends) {}

  // Position of the next byte that is neither blank nor in a comment.
  size_t Offset();
  // Position behind what was taken last.
  size_t At() const { return at_; }
  bool AtEnd();
  // Takes `symbol` when it comes next.
  bool TakeSymbol(char symbol);
  bool SeesSymbol(char symbol);
  // `symbol` comes next without a blank before it.
  bool Touches(char symbol) const { return at_ < text_.size() && text_[at_] == symbol; }
  // Takes `keyword` when it comes next as a whole word.
  bool TakeKeyword(std::string_view keyword);

  // A name of letters, digits, '_' and '.', starting with a letter; "" when none comes next.
  std::string TakeName();
  // "[...]" directly behind a field name. False when none is there; `error` is set when it is broken.
  bool TakeArgument(std::string& argument, std::optional<LexError>& error);
  std::optional<Operator> TakeOperator();
  // A quoted text or a bare word; nullopt when none comes next, or, with `error` set, when a quote is broken.
  std::optional<Word> TakeWord(std::optional<LexError>& error);

  // What comes next, for messages: "'foo'", "')'", "the end".
  std::string Describe();

 private:
  void SkipBlanks();
  size_t CommentEnd() const;
  std::optional<Word> TakeQuoted(std::optional<LexError>& error);
  std::string_view Rest() const { return text_.substr(at_); }

  std::string_view text_;
  std::span<const size_t> line_ends_;
  size_t at_ = 0;
};

// The text within quotes, escapes replaced: \n \r \t \b \f \\ \' \" \xHH. Any other backslash stays, so that patterns
// need no doubled one. nullopt, with `error`, for \x that two hexadecimal digits do not follow, and for \x00.
std::optional<std::string> Unescaped(std::string_view inside, LexError& error);

}  // namespace tensorwarden::rules
