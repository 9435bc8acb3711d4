#include "agent/author/conditions.h"

#include <fmt/format.h>

#include <vector>

#include "agent/rules/condition/condition_parser.h"

namespace tensorwarden::author {
namespace {

using rules::Ast;
using rules::Definitions;
using rules::Modifier;
using rules::Operand;
using rules::Word;

constexpr size_t kMaxShownValues = 24;
constexpr size_t kMaxExpandedBytes = 64 << 10;  // macros within macros can double at each level
constexpr size_t kWidth = 100;
constexpr size_t kMaxMacroDepth = 32;  // as the compiler has it

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string WordText(const Word& word) { return word.quoted ? Quoted(word.text) : word.text; }

const char* ModifierText(Modifier modifier) {
  switch (modifier) {
    case Modifier::kOneOf:
      return " oneof";
    case Modifier::kAnyOf:
      return " anyof";
    case Modifier::kAllOf:
      return " allof";
    case Modifier::kNone:
      return "";
  }
  return "";
}

// Values that name a list become its items, which are texts then whatever they look like.
void Expand(const Word& word, const Definitions& definitions, size_t depth, std::vector<std::string>& values) {
  constexpr size_t kMaxDepth = 16;
  const rules::ListDefinition* list = word.quoted || depth > kMaxDepth ? nullptr : definitions.FindList(word.text);
  if (list == nullptr) {
    values.push_back(WordText(word));
    return;
  }
  for (const rules::ListItem& item : list->items) {
    if (values.size() > kMaxShownValues) return;
    const bool is_list = !item.quoted && item.text != word.text && definitions.FindList(item.text) != nullptr;
    if (is_list) {
      Expand({item.text, false, 0}, definitions, depth + 1, values);
    } else {
      const bool plain = item.text.find_first_of(" \t\"'(),") == std::string::npos && !item.text.empty();
      values.push_back(plain ? item.text : Quoted(item.text));
    }
  }
}

std::string ListText(const Ast& ast, const Definitions* definitions) {
  std::vector<std::string> values;
  for (const Word& word : ast.values) {
    if (definitions == nullptr) {
      values.push_back(WordText(word));
    } else {
      Expand(word, *definitions, 0, values);
    }
  }
  if (definitions != nullptr && values.size() > kMaxShownValues) {
    values.resize(kMaxShownValues);
    values.emplace_back("...");
  }
  return fmt::format("({})", fmt::join(values, ", "));
}

std::string CheckText(const Ast& ast, const Definitions* definitions) {
  std::string text = fmt::format("{} {}", OperandText(ast.left), rules::OperatorText(ast.op));
  if (ast.op == rules::Operator::kExists) return text;
  text += ModifierText(ast.modifier);
  if (ast.right) return text + ' ' + OperandText(*ast.right);
  const bool list = TakesList(ast.op) || ast.modifier != Modifier::kNone;
  if (list && (ast.bracketed || definitions != nullptr)) return text + ' ' + ListText(ast, definitions);
  return text + ' ' + (ast.values.empty() ? "()" : WordText(ast.values[0]));
}

std::string Bracketed(const Ast& child) {
  const bool plain = child.kind == Ast::Kind::kCheck || child.kind == Ast::Kind::kMacro;
  return plain ? ConditionText(child) : fmt::format("({})", ConditionText(child));
}

class Expander {
 public:
  explicit Expander(const Definitions& definitions) : definitions_(definitions) {}

  std::string Text(const Ast& ast, size_t indent) {
    if (bytes_ > kMaxExpandedBytes) return "...";
    switch (ast.kind) {
      case Ast::Kind::kCheck:
        return Counted(CheckText(ast, &definitions_));
      case Ast::Kind::kMacro:
        return Macro(ast, indent);
      case Ast::Kind::kNot:
        return "not " + Inner(ast.children[0], indent + 4);
      default:
        return Chain(ast, indent);
    }
  }

 private:
  std::string Counted(std::string text) {
    bytes_ += text.size();
    return text;
  }

  std::string Macro(const Ast& ast, size_t indent) {
    const int index = definitions_.FindMacro(ast.name);
    if (index < 0 || depth_ > kMaxMacroDepth) return ast.name;
    const std::optional<Ast> inner = Parse(definitions_.macros()[static_cast<size_t>(index)].condition);
    if (!inner) return ast.name;
    ++depth_;
    std::string text = Text(*inner, indent);
    --depth_;
    return text;
  }

  // What is behind a macro, so that brackets stand where its inside needs them.
  std::optional<Ast> Behind(const Ast& ast) const {
    const int index = ast.kind == Ast::Kind::kMacro ? definitions_.FindMacro(ast.name) : -1;
    return index < 0 ? std::nullopt : Parse(definitions_.macros()[static_cast<size_t>(index)].condition);
  }

  std::string Inner(const Ast& child, size_t indent) {
    std::optional<Ast> behind = Behind(child);
    Ast::Kind kind = behind ? behind->kind : child.kind;
    for (size_t i = 0; behind && kind == Ast::Kind::kMacro && i < 32; ++i) {
      behind = Behind(*behind);
      if (behind) kind = behind->kind;
    }
    const bool chain = kind == Ast::Kind::kAnd || kind == Ast::Kind::kOr;
    return chain ? "(" + Text(child, indent + 1) + ")" : Text(child, indent);
  }

  std::string Chain(const Ast& ast, size_t indent) {
    const char* word = ast.kind == Ast::Kind::kAnd ? "and " : "or ";
    std::vector<std::string> parts;
    size_t width = indent;
    bool lines = false;
    for (const Ast& child : ast.children) {
      parts.push_back(Inner(child, indent + std::char_traits<char>::length(word)));
      width += parts.back().size() + 5;
      lines |= parts.back().find('\n') != std::string::npos;
    }
    const std::string between =
        lines || width > kWidth ? "\n" + std::string(indent, ' ') + word : std::string(" ") + word;
    return fmt::format("{}", fmt::join(parts, between));
  }

  const Definitions& definitions_;
  size_t bytes_ = 0;
  size_t depth_ = 0;
};

}  // namespace

std::optional<Ast> Parse(const rules::MappedText& condition) {
  rules::LexError error;
  return rules::ParseCondition(condition.text(), error, condition.line_ends());
}

void EachLeaf(const Ast& ast, const std::function<void(const Ast&)>& visit) {
  if (ast.kind == Ast::Kind::kCheck || ast.kind == Ast::Kind::kMacro) return visit(ast);
  for (const Ast& child : ast.children) EachLeaf(child, visit);
}

void EachField(const Operand& operand, const std::function<void(const Operand&)>& visit) {
  if (operand.kind == Operand::Kind::kField) visit(operand);
  for (const Operand& argument : operand.arguments) EachField(argument, visit);
}

std::string OperandText(const Operand& operand) {
  std::string text;
  if (operand.kind == Operand::Kind::kText) return Quoted(operand.name);
  if (operand.kind != Operand::Kind::kList) text = operand.name;
  if (operand.kind != Operand::Kind::kField) {
    std::vector<std::string> arguments;
    for (const Operand& argument : operand.arguments) arguments.push_back(OperandText(argument));
    text += fmt::format("({})", fmt::join(arguments, ", "));
  }
  if (!operand.has_argument) return text;
  const bool plain = operand.argument.find_first_of("[]\"' \t\r\n\\") == std::string::npos;
  return text + '[' + (plain ? operand.argument : Quoted(operand.argument)) + ']';
}

std::string ConditionText(const Ast& ast) {
  switch (ast.kind) {
    case Ast::Kind::kCheck:
      return CheckText(ast, nullptr);
    case Ast::Kind::kMacro:
      return ast.name;
    case Ast::Kind::kNot:
      return "not " + Bracketed(ast.children[0]);
    default:
      break;
  }
  std::vector<std::string> parts;
  for (const Ast& child : ast.children) parts.push_back(Bracketed(child));
  return fmt::format("{}", fmt::join(parts, ast.kind == Ast::Kind::kAnd ? " and " : " or "));
}

std::string ExpandedText(const Ast& ast, const Definitions& definitions) { return Expander(definitions).Text(ast, 0); }

}  // namespace tensorwarden::author
