#include "agent/author/explain.h"

#include <algorithm>

#include "agent/author/conditions.h"
#include "agent/rules/condition/operand_resolver.h"
#include "agent/rules/exceptions.h"

namespace tensorwarden::author {
namespace {

using rules::Ast;
using rules::MappedText;

constexpr size_t kMaxNodes = 100'000;  // macros within macros can double at each level
constexpr size_t kMaxMacroDepth = 32;

}  // namespace

std::unique_ptr<Explainer> Explainer::Create(RuleBook& book, const BookRule& rule) {
  if (rule.conditions.empty()) return nullptr;
  std::unique_ptr<Explainer> explainer(new Explainer(book, rule));
  std::vector<Node> nodes;
  for (const BookCondition& condition : rule.conditions) {
    const std::optional<Ast> ast = Parse(*condition.text);
    std::optional<Node> node = ast ? explainer->Open(*ast, 0) : std::nullopt;
    if (!node) return nullptr;
    nodes.push_back(*std::move(node));
  }
  for (const rules::ExceptionDefinition& exception : rule.definition->exceptions) {
    if (!explainer->AddException(exception, nodes.back())) return nullptr;
  }
  explainer->root_ = nodes.size() == 1 ? std::move(nodes[0]) : Steps(rule, std::move(nodes));
  return explainer;
}

// An event is looked at by each step on its own.
Explainer::Node Explainer::Steps(const BookRule& rule, std::vector<Node> nodes) {
  Node root{.kind = Part::Kind::kOr};
  for (size_t i = 0; i < nodes.size(); ++i) {
    Node step{.kind = Part::Kind::kAnd, .text = rule.conditions[i].name};
    step.children.push_back(std::move(nodes[i]));
    root.children.push_back(std::move(step));
  }
  return root;
}

bool Explainer::AddException(const rules::ExceptionDefinition& exception, Node& root) {
  const MappedText text = rules::ConditionOf(exception);
  if (text.text().empty()) return true;
  const std::optional<Ast> ast = Parse(text);
  std::optional<Node> let_pass = ast ? Open(*ast, 0) : std::nullopt;
  if (!let_pass) return false;
  Node node{.kind = Part::Kind::kException, .text = "exception '" + exception.name + "'"};
  node.children.push_back(*std::move(let_pass));
  if (root.kind != Part::Kind::kAnd || !root.text.empty()) {
    Node chain{.kind = Part::Kind::kAnd};
    chain.children.push_back(std::move(root));
    root = std::move(chain);
  }
  root.children.push_back(std::move(node));
  return true;
}

std::optional<Explainer::Node> Explainer::Open(const Ast& ast, size_t depth) {
  if (++nodes_ > kMaxNodes) return std::nullopt;
  if (ast.kind == Ast::Kind::kMacro) return OpenMacro(ast, depth);
  if (ast.kind == Ast::Kind::kCheck) return OpenCheck(ast);
  Node node;
  node.kind = ast.kind == Ast::Kind::kAnd  ? Part::Kind::kAnd
              : ast.kind == Ast::Kind::kOr ? Part::Kind::kOr
                                           : Part::Kind::kNot;
  for (const Ast& child : ast.children) {
    std::optional<Node> opened = Open(child, depth);
    if (!opened) return std::nullopt;
    node.children.push_back(*std::move(opened));
  }
  return node;
}

// What it says, under its name.
std::optional<Explainer::Node> Explainer::OpenMacro(const Ast& ast, size_t depth) {
  const int index = book_.definitions().FindMacro(ast.name);
  if (index < 0 || depth > kMaxMacroDepth) return std::nullopt;
  const std::optional<Ast> inner = Parse(book_.definitions().macros()[static_cast<size_t>(index)].condition);
  std::optional<Node> opened = inner ? Open(*inner, depth + 1) : std::nullopt;
  if (!opened) return std::nullopt;
  Node node{.kind = Part::Kind::kAnd, .text = ast.name};
  node.children.push_back(*std::move(opened));
  return node;
}

// Compiled again by itself, so that what decides here is what decides in the rule.
std::optional<Explainer::Node> Explainer::OpenCheck(const Ast& ast) {
  Node node;
  node.text = ConditionText(ast);
  MappedText text;
  text.AppendMade(node.text);
  const std::optional<rules::TypedCondition> typed = book_.checker().Check("", text);
  if (!typed) return std::nullopt;
  node.entry = rules::Generate(book_.checker(), *typed, kAllKinds, book_.program());
  AddSlots(ast.left, node);
  if (ast.right) AddSlots(*ast.right, node);
  return node;
}

// The operand itself, and the fields that it is made of.
void Explainer::AddSlots(const rules::Operand& operand, Node& node) {
  if (operand.kind == rules::Operand::Kind::kField || operand.kind == rules::Operand::Kind::kFunction) {
    rules::ResolveError error;
    const std::optional<uint32_t> slot = rules::ResolveOperand(operand, book_.program().slots(), error);
    if (slot && std::find(node.slots.begin(), node.slots.end(), *slot) == node.slots.end()) node.slots.push_back(*slot);
  }
  for (const rules::Operand& argument : operand.arguments) AddSlots(argument, node);
}

Verdict Explainer::Explain(const EnrichedEvent& event) {
  cache_.Reset(event, book_.program().slots().size());
  Verdict verdict;
  verdict.rule = rule_.definition->text.name;
  verdict.remembers = rule_.definition->memory.has_value();
  verdict.whole = Evaluate(root_);
  verdict.matches = verdict.whole.holds;
  return verdict;
}

Part Explainer::Evaluate(const Node& node) {
  Part part{.kind = node.kind, .text = node.text};
  for (const Node& child : node.children) part.children.push_back(Evaluate(child));
  const auto holds = [](const Part& child) { return child.holds; };
  switch (node.kind) {
    case Part::Kind::kCheck:
      part.holds = book_.program().Matches(node.entry, cache_);
      for (const uint32_t slot : node.slots) {
        const rules::SlotTable& slots = std::as_const(book_).program().slots();
        part.values.emplace_back(slots[slot].name, FieldText(cache_.Get(slots, slot)));
      }
      break;
    case Part::Kind::kAnd:
      part.holds = std::all_of(part.children.begin(), part.children.end(), holds);
      break;
    case Part::Kind::kOr:
      part.holds = std::any_of(part.children.begin(), part.children.end(), holds);
      break;
    case Part::Kind::kNot:
    case Part::Kind::kException:
      part.holds = !part.children[0].holds;
      break;
  }
  return part;
}

}  // namespace tensorwarden::author
