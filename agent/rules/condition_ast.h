// A condition as written: names are not looked up yet.
#pragma once

#include <cstdint>
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
  kStartsWith,
  kEndsWith,
  kGlob,
  kIGlob,
  kRegex,
  kPathMatch,
};
const char* OperatorText(Operator op);

struct Word {
  std::string text;
  bool quoted = false;
  size_t offset = 0;
};

struct Ast {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kMacro, kCheck };
  Kind kind = Kind::kCheck;
  size_t offset = 0;  // byte of the condition text
  std::vector<Ast> children;
  // kMacro: the macro's name. kCheck: the field's.
  std::string name;
  // kCheck
  bool has_argument = false;
  std::string argument;
  Operator op = Operator::kExists;
  size_t op_offset = 0;
  bool bracketed = false;  // values came as "( ... )"
  std::vector<Word> values;
};

}  // namespace tensorwarden::rules
