#include "agent/author/lint.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "agent/author/conditions.h"
#include "agent/author/contradiction.h"
#include "agent/author/kind_service.h"
#include "agent/enrich/field_values.h"
#include "agent/enrich/nearest.h"
#include "agent/rules/condition/exclusion.h"
#include "agent/rules/exceptions.h"
#include "agent/rules/output_template.h"
#include "agent/rules/yaml_tree.h"

namespace tensorwarden::author {
namespace {

using rules::Ast;
using rules::MappedText;
using rules::Operand;
using rules::Place;
using rules::Printable;
using rules::RuleDefinition;
using rules::YamlNode;
using rules::YamlPair;

const YamlNode* ValueOf(const YamlNode& item, std::string_view key) {
  for (const YamlPair& pair : item.pairs) {
    if (pair.key == key) return &pair.value;
  }
  return nullptr;
}

class Linter {
 public:
  Linter(RuleBook& book, std::vector<Remark>& remarks) : book_(book), remarks_(remarks) {}

  void Run() {
    for (const rules::SourceFile& source : book_.sources()) ReadItems(source);
    for (const rules::MacroDefinition& macro : book_.definitions().macros()) {
      ReadCondition(fmt::format("macro '{}': ", Printable(macro.name)), macro.condition);
    }
    for (const BookRule& rule : book_.rules()) ReadRule(rule);
    for (const rules::ListDefinition& list : book_.definitions().lists()) ReadList(list);
    ReportUnused();
  }

 private:
  void Warn(std::string_view id, const Place& place, std::string message) {
    std::vector<RuleProblem> problems;
    rules::Diagnostics(problems).Warning(place, std::move(message));
    remarks_.push_back({id, std::move(problems[0])});
  }

  // A full definition under the name of an earlier one: what the earlier one said is gone, later fixes of it included.
  void ReadItems(const rules::SourceFile& source) {
    std::vector<RuleProblem> unused;
    rules::Diagnostics diagnostics(unused);
    const std::optional<YamlNode> root = rules::ReadYaml(source, diagnostics);
    if (!root) return;
    for (const YamlNode& item : root->items) {
      const YamlNode* name = ValueOf(item, "rule");
      const YamlNode* append = ValueOf(item, "append");
      const bool changes =
          ValueOf(item, "override") != nullptr || (append != nullptr && append->scalar.text() == "true");
      if (name == nullptr || changes || (ValueOf(item, "condition") == nullptr && ValueOf(item, "sequence") == nullptr))
        continue;
      const auto [at, is_new] = seen_rules_.try_emplace(name->scalar.text(), name->place);
      // Twice in one file is the compiler's own warning.
      if (!is_new && at->second.file != &source) {
        Warn("shadowed-rule", name->place,
             fmt::format("rule '{}': replaces that of {}:{} wholly; 'override' or 'append' changes only what differs",
                         Printable(name->scalar.text()), at->second.file->path, rules::Locate(at->second).line));
      }
      at->second = name->place;
    }
  }

  void ReadRule(const BookRule& rule) {
    const RuleDefinition& definition = *rule.definition;
    const std::string subject = fmt::format("rule '{}': ", Printable(definition.text.name));
    if (!definition.condition.text().empty()) ReadCondition(subject, definition.condition);
    if (definition.memory) ReadMemory(subject, *definition.memory);
    for (const rules::ExceptionDefinition& exception : definition.exceptions) {
      const MappedText text = rules::ConditionOf(exception);
      if (!text.text().empty()) {
        ReadCondition(fmt::format("{}exception '{}': ", subject, Printable(exception.name)), text);
      }
    }
    if (rule.conditions.empty()) return;
    // The compiler says so of those that are switched on.
    if (rule.never() && !rule.enabled) {
      Warn("never-matches", definition.place,
           fmt::format("{}can never match: {}", subject,
                       rules::WhyNever(definition, *rule.FirstNever()->text, rule.counted, book_.definitions(),
                                       book_.checker())));
    }
    if (!rule.never()) ReadOutput(rule, subject);
  }

  void ReadMemory(const std::string& subject, const rules::MemoryDefinition& memory) {
    const auto* sequence = std::get_if<rules::SequenceDefinition>(&memory.what);
    if (sequence == nullptr) return;
    for (const rules::StepDefinition& step : sequence->steps) ReadCondition(subject, step.condition);
  }

  // Of a sequence the last step's event is the one that alerts.
  static KindSet AlertingKinds(const BookRule& rule) { return rule.conditions.back().typed.can_hold & rule.counted; }

  void ReadOutput(const BookRule& rule, const std::string& subject) {
    rules::SlotTable slots;
    std::vector<RuleProblem> unused;
    rules::Diagnostics diagnostics(unused);
    const MappedText& output = rule.definition->output;
    const auto parsed = rules::OutputTemplate::Parse("", output, slots, diagnostics);
    if (!parsed) return;
    for (const auto& [name, slot] : parsed->Fields()) {
      if ((slots[slot].kinds & AlertingKinds(rule)) != 0) continue;
      const std::string who =
          slots[slot].kinds == 0 ? "no event here has it"
                                 : fmt::format("the rule's events ({}) do not have it", KindNames(AlertingKinds(rule)));
      const size_t at = output.text().find('%' + name);
      Warn("empty-output-field", output.At(at == std::string::npos ? 0 : at),
           fmt::format("{}'{}' prints <NA> always: {}", subject, Printable(name), who));
    }
  }

  void ReadCondition(const std::string& subject, const MappedText& text) {
    const std::optional<Ast> ast = Parse(text);
    if (!ast) return;
    ReadContradictions(subject, text);
    EachLeaf(*ast, [&](const Ast& leaf) {
      if (leaf.kind == Ast::Kind::kMacro) {
        used_macros_.insert(leaf.name);
        return;
      }
      for (const rules::Word& word : leaf.values) {
        if (!word.quoted) UseList(word.text);
      }
      ReadValues(subject, text, leaf);
      ReadOperand(subject, text, leaf.left);
      if (leaf.right) ReadOperand(subject, text, *leaf.right);
    });
  }

  // A macro's own ones are said once, where it is read.
  void ReadContradictions(const std::string& subject, const MappedText& text) {
    for (Contradiction& found : Contradictions(text, book_.definitions())) {
      const auto key = [](const Place& place) { return std::make_pair(place.file, place.offset); };
      if (!contradictions_.emplace(key(found.earlier), key(found.place)).second) continue;
      Warn("contradiction", found.place, subject + found.message);
    }
  }

  // Checks of equality with a value that the field never has.
  void ReadValues(const std::string& subject, const MappedText& text, const Ast& leaf) {
    using rules::Operator;
    const bool equality = leaf.op == Operator::kEqual || leaf.op == Operator::kNotEqual || leaf.op == Operator::kIn ||
                          leaf.op == Operator::kIntersects;
    if (!equality || leaf.left.kind != Operand::Kind::kField) return;
    const FieldValues* field = KnownValues(leaf.left.name);
    if (field == nullptr) return;
    const bool takes_list = rules::TakesList(leaf.op) || leaf.modifier != rules::Modifier::kNone;
    for (const rules::Word& word : leaf.values) {
      const rules::ListDefinition* list =
          takes_list && !word.quoted ? book_.definitions().FindList(word.text) : nullptr;
      if (list == nullptr) {
        ReadValue(subject, leaf.left.name, *field, word.text, text.At(word.offset));
      } else {
        ReadItemsAsValues(subject, leaf.left.name, *field, *list, 0);
      }
    }
  }

  void ReadItemsAsValues(const std::string& subject, const std::string& name, const FieldValues& field,
                         const rules::ListDefinition& list, size_t depth) {
    constexpr size_t kMaxListDepth = 16;  // the compiler's
    // Once per field, whatever uses the list.
    if (depth > kMaxListDepth || !read_lists_.emplace(list.name, name).second) return;
    for (const rules::ListItem& item : list.items) {
      const rules::ListDefinition* inner =
          item.quoted || item.text == list.name ? nullptr : book_.definitions().FindList(item.text);
      if (inner != nullptr) {
        ReadItemsAsValues(subject, name, field, *inner, depth + 1);
      } else {
        ReadValue(subject, name, field, item.text, item.place);
      }
    }
  }

  void ReadValue(const std::string& subject, const std::string& name, const FieldValues& field,
                 const std::string& value, const Place& place) {
    if (std::find(field.known.begin(), field.known.end(), value) != field.known.end()) return;
    const std::vector<std::string_view> nearest = NearestNames(value, field.known);
    if (field.open && nearest.empty()) return;
    const std::string instead =
        nearest.empty() ? fmt::format("; it is one of {}", fmt::join(field.known, ", ")) : rules::DidYouMean(nearest);
    Warn("unknown-value", place,
         fmt::format("{}'{}' is {} '{}'{}", subject, name, field.open ? "not known to be ever" : "never",
                     Printable(value), instead));
  }

  void UseList(const std::string& name) {
    const rules::ListDefinition* list = book_.definitions().FindList(name);
    if (list == nullptr || !used_lists_.insert(name).second) return;
    for (const rules::ListItem& item : list->items) {
      if (!item.quoted) UseList(item.text);
    }
  }

  void ReadOperand(const std::string& subject, const MappedText& text, const Operand& operand) {
    EachField(operand, [&](const Operand& field) {
      std::string_view member;
      const FieldSpec* spec = FindFieldOrMember(field.name, member);
      if (spec == nullptr || spec->KindsWith(field.has_argument ? field.argument : member) != 0) return;
      Warn("empty-field", text.At(field.offset),
           fmt::format("{}'{}' is never filled here, so no check of it holds, and 'not' with one always does: {}",
                       subject, field.name, spec->doc));
    });
  }

  void ReadList(const rules::ListDefinition& list) {
    absl::flat_hash_set<std::string> seen;
    for (const rules::ListItem& item : list.items) {
      if (seen.insert(item.text).second) continue;
      Warn("duplicate-item", item.place,
           fmt::format("list '{}': '{}' is there already", Printable(list.name), Printable(item.text)));
    }
  }

  void ReportUnused() {
    for (const rules::MacroDefinition& macro : book_.definitions().macros()) {
      if (used_macros_.contains(macro.name)) continue;
      Warn("unused-macro", macro.place, fmt::format("macro '{}': nothing uses it", Printable(macro.name)));
    }
    for (const rules::ListDefinition& list : book_.definitions().lists()) {
      if (used_lists_.contains(list.name)) continue;
      Warn("unused-list", list.place, fmt::format("list '{}': nothing uses it", Printable(list.name)));
    }
  }

  RuleBook& book_;
  std::vector<Remark>& remarks_;
  absl::flat_hash_map<std::string, Place> seen_rules_;
  using Position = std::pair<const rules::SourceFile*, size_t>;
  absl::flat_hash_set<std::pair<Position, Position>> contradictions_;
  absl::flat_hash_set<std::string> used_macros_;
  absl::flat_hash_set<std::string> used_lists_;
  absl::flat_hash_set<std::pair<std::string, std::string>> read_lists_;  // with the field that they are values of
};

}  // namespace

const std::vector<LintRow>& LintTable() {
  static const std::vector<LintRow>* const table = new std::vector<LintRow>{
      {"rule-error", "The rule files do not load."},
      {"rule-warning", "The rule files load, but this is probably not what was meant."},
      {"shadowed-rule", "A rule of an earlier file is replaced wholly."},
      {"never-matches", "No event can satisfy the rule's condition."},
      {"contradiction", "Two checks that must both hold exclude each other."},
      {"empty-field", "A condition rests on a field that is never filled here."},
      {"unknown-value", "A condition compares a field with a value that it never has."},
      {"empty-output-field", "An output names a field that no event of the rule has."},
      {"duplicate-item", "A list has the same item twice."},
      {"unused-macro", "Nothing uses the macro."},
      {"unused-list", "Nothing uses the list."},
  };
  return *table;
}

CheckReport CheckRules(const std::vector<RuleFile>& files, RuleBook& book, const RuleOptions& options) {
  CheckReport report;
  std::vector<RuleProblem> problems;
  RuleSet::Compile(files, problems, options).IgnoreError();
  for (RuleProblem& problem : problems) {
    report.remarks.push_back({problem.error ? "rule-error" : "rule-warning", std::move(problem)});
  }
  std::vector<Remark> lints;
  Linter(book, lints).Run();
  std::stable_sort(lints.begin(), lints.end(), [](const Remark& a, const Remark& b) {
    return std::tie(a.problem.path, a.problem.line, a.problem.column) <
           std::tie(b.problem.path, b.problem.line, b.problem.column);
  });
  report.remarks.insert(report.remarks.end(), lints.begin(), lints.end());
  for (const Remark& remark : report.remarks) ++(remark.problem.error ? report.errors : report.warnings);
  return report;
}

}  // namespace tensorwarden::author
