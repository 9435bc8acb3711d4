// A condition as written: names are not looked up yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tensorwarden::rules {

enum class Operator : uint8_t {
  kExists,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kIntersects,
  kContains,
  kIContains,
  kBContains,  // the value is hexadecimal
  kStartsWith,
  kBStartsWith,
  kEndsWith,
  kGlob,
  kIGlob,
  kRegex,
  kPathMatch,
};
const char* OperatorText(Operator op);
// "in", "intersects" and "pmatch": what follows is a list.
bool TakesList(Operator op);

// How the values of a list decide, for operators that take one value: proc.name startswith anyof (a, b).
enum class Modifier : uint8_t { kNone, kOneOf, kAnyOf, kAllOf };

struct Word {
  std::string text;
  bool quoted = false;
  size_t offset = 0;
};

// What stands on the left of an operator, or on the right instead of a literal.
struct Operand {
  enum class Kind : uint8_t { kField, kFunction, kText, kList };
  Kind kind = Kind::kField;
  size_t offset = 0;
  std::string name;  // of the field or function; kText: the text
  bool has_argument = false;
  std::string argument;            // "[...]" behind a field or a function
  std::vector<Operand> arguments;  // of a function, or of a list within one
};

struct Ast {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kMacro, kCheck };
  Kind kind = Kind::kCheck;
  size_t offset = 0;  // byte of the condition text
  std::vector<Ast> children;
  std::string name;  // kMacro
  // kCheck
  Operand left;
  Operator op = Operator::kExists;
  size_t op_offset = 0;
  Modifier modifier = Modifier::kNone;
  bool bracketed = false;    // values came as "( ... )"
  std::vector<Word> values;  // empty when `right` is set
  std::optional<Operand> right;
};

}  // namespace tensorwarden::rules
