// Words of the condition language. What a run of bytes is depends on where it stands ("a.b" may be a field or a value),
// so the parser asks for what it expects instead of reading a fixed stream of tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/rules/condition_ast.h"

namespace tensorwarden::rules {

struct LexError {
  size_t offset = 0;
  std::string message;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // Position of the next byte that is neither blank nor in a comment.
  size_t Offset();
  bool AtEnd();
  // Takes `symbol` when it comes next.
  bool TakeSymbol(char symbol);
  bool SeesSymbol(char symbol);
  // Takes `keyword` when it comes next as a whole word.
  bool TakeKeyword(std::string_view keyword);

  // A name of letters, digits, '_' and '.', starting with a letter; "" when none comes next.
  std::string TakeName();
  // "[...]" directly behind a field name. False when none is there; `error` is set when it is broken.
  bool TakeArgument(std::string& argument, std::optional<LexError>& error);
  std::optional<Operator> TakeOperator();
  // A quoted text or a bare word; nullopt when none comes next, or, with `error` set, when a quote is not closed.
  std::optional<Word> TakeWord(std::optional<LexError>& error);

  // What comes next, for messages: "'foo'", "')'", "the end".
  std::string Describe();

 private:
  void SkipBlanks();
  std::optional<Word> TakeQuoted(std::optional<LexError>& error);
  std::string_view Rest() const { return text_.substr(at_); }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace tensorwarden::rules
