// Fields and functions of conditions: proc.aname[2], tolower(proc.name), join((proc.name, proc.pname), "/").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/condition/condition_lexer.h"

namespace tensorwarden::rules {

// True for tolower, join, ... and for val, which only the right side knows.
bool IsFunctionName(std::string_view name);

class OperandParser {
 public:
  OperandParser(Lexer& lexer, LexError& error) : lexer_(lexer), error_(error) {}

  // The rest of a field or function whose name was taken at `offset`. nullopt after an error.
  std::optional<Operand> ParseRest(std::string name, size_t offset);

 private:
  std::nullopt_t FailAt(size_t offset, std::string message);
  std::nullopt_t Fail(std::string message) { return FailAt(lexer_.Offset(), std::move(message)); }
  std::optional<Operand> ParseField(Operand operand);
  std::optional<Operand> ParseFunction(Operand operand);
  std::optional<Operand> ParseArgument();
  bool ParseArguments(Operand& operand);
  bool ParseBrackets(Operand& operand);

  Lexer& lexer_;
  LexError& error_;
  size_t depth_ = 0;
};

}  // namespace tensorwarden::rules
