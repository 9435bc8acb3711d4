#include "agent/rules/condition/operand_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kFunctions[] = {"tolower", "toupper", "b64",    "basename", "len",
                                           "join",    "concat",  "getopt", "val"};

bool IsFieldName(std::string_view name) {
  return name.find('.') != std::string_view::npos && !name.ends_with('.') && name.find("..") == std::string_view::npos;
}

}  // namespace

bool IsFunctionName(std::string_view name) {
  return std::find(std::begin(kFunctions), std::end(kFunctions), name) != std::end(kFunctions);
}

std::nullopt_t OperandParser::FailAt(size_t offset, std::string message) {
  error_ = {offset, std::move(message)};
  return std::nullopt;
}

std::optional<Operand> OperandParser::ParseRest(std::string name, size_t offset) {
  Operand operand;
  operand.offset = offset;
  operand.name = std::move(name);
  if (IsFieldName(operand.name)) return ParseField(std::move(operand));
  if (lexer_.Touches('(')) return ParseFunction(std::move(operand));
  return FailAt(offset, fmt::format("'{}' is no field: fields have a '.' between two words, as in proc.name",
                                    Printable(operand.name)));
}

bool OperandParser::ParseBrackets(Operand& operand) {
  std::optional<LexError> error;
  operand.has_argument = lexer_.TakeArgument(operand.argument, error);
  if (error) error_ = *error;
  return !error;
}

std::optional<Operand> OperandParser::ParseField(Operand operand) {
  operand.kind = Operand::Kind::kField;
  if (!ParseBrackets(operand)) return std::nullopt;
  return operand;
}

std::optional<Operand> OperandParser::ParseFunction(Operand operand) {
  operand.kind = Operand::Kind::kFunction;
  if (!IsFunctionName(operand.name)) {
    return FailAt(operand.offset, fmt::format("unknown function '{}'; there are {}", Printable(operand.name),
                                              fmt::join(kFunctions, ", ")));
  }
  if (++depth_ > kMaxFunctionDepth) {
    return FailAt(operand.offset, fmt::format("functions nest deeper than {}", kMaxFunctionDepth));
  }
  lexer_.TakeSymbol('(');
  if (!ParseArguments(operand) || !ParseBrackets(operand)) return std::nullopt;
  --depth_;
  return operand;
}

// Up to and with the closing bracket.
bool OperandParser::ParseArguments(Operand& operand) {
  do {
    std::optional<Operand> argument = ParseArgument();
    if (!argument) return false;
    if (operand.arguments.size() == kMaxFunctionArguments) {
      Fail(fmt::format("more than {} arguments", kMaxFunctionArguments));
      return false;
    }
    operand.arguments.push_back(std::move(*argument));
  } while (lexer_.TakeSymbol(','));
  if (lexer_.TakeSymbol(')')) return true;
  Fail(fmt::format("expected ',' or ')' in {}(), found {}", operand.name, lexer_.Describe()));
  return false;
}

std::optional<Operand> OperandParser::ParseArgument() {
  const size_t offset = lexer_.Offset();
  if (lexer_.TakeSymbol('(')) {
    Operand list;
    list.kind = Operand::Kind::kList;
    list.offset = offset;
    list.name = "a list";
    if (++depth_ > kMaxFunctionDepth) return FailAt(offset, "lists nest too deep");
    if (!ParseArguments(list)) return std::nullopt;
    --depth_;
    return list;
  }
  if (std::string name = lexer_.TakeName(); !name.empty()) return ParseRest(std::move(name), offset);
  std::optional<LexError> error;
  std::optional<Word> word = lexer_.TakeWord(error);
  if (error) return FailAt(error->offset, error->message);
  if (!word) return Fail(fmt::format("expected a field, a function or a quoted text, found {}", lexer_.Describe()));
  Operand text;
  text.kind = Operand::Kind::kText;
  text.offset = offset;
  text.name = std::move(word->text);
  return text;
}

}  // namespace tensorwarden::rules
