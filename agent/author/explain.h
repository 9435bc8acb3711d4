// Why a rule matched an event or did not: its condition part by part.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/author/rule_book.h"
#include "agent/enrich/enriched_event.h"
#include "agent/rules/condition/condition_ast.h"
#include "agent/rules/condition/slot.h"

namespace tensorwarden::author {

struct Part {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kCheck, kException };
  Kind kind = Kind::kCheck;
  std::string text;  // of a check; of a macro or an exception its name, which the children say in full
  bool holds = false;
  std::vector<std::pair<std::string, std::string>> values;  // of a check's fields, "<NA>" where the event has none
  std::vector<Part> children;
};

struct Verdict {
  std::string rule;
  bool matches = false;  // of a rule with memory: the event counts, of a sequence it is some step
  bool remembers = false;
  bool fired = false;  // as far as the caller saw the rule itself
  Part whole;
};

class Explainer {
 public:
  // `rule` is of `book`; both must outlive this. nullptr when the rule has an error.
  static std::unique_ptr<Explainer> Create(RuleBook& book, const BookRule& rule);
  Verdict Explain(const EnrichedEvent& event);

 private:
  struct Node {
    Part::Kind kind = Part::Kind::kCheck;
    std::string text;
    uint32_t entry = rules::Program::kReject;
    std::vector<uint32_t> slots;
    std::vector<Node> children;
  };

  Explainer(RuleBook& book, const BookRule& rule) : book_(book), rule_(rule) {}
  static Node Steps(const BookRule& rule, std::vector<Node> nodes);
  std::optional<Node> Open(const rules::Ast& ast, size_t depth);
  std::optional<Node> OpenMacro(const rules::Ast& ast, size_t depth);
  std::optional<Node> OpenCheck(const rules::Ast& ast);
  bool AddException(const rules::ExceptionDefinition& exception, Node& root);
  void AddSlots(const rules::Operand& operand, Node& node);
  Part Evaluate(const Node& node);

  RuleBook& book_;
  const BookRule& rule_;
  Node root_;
  size_t nodes_ = 0;
  rules::FieldCache cache_;
};

}  // namespace tensorwarden::author
