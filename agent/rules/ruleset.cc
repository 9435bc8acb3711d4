#include "agent/rules/ruleset.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "agent/rules/code_generator.h"
#include "agent/rules/condition_parser.h"
#include "agent/rules/definitions.h"
#include "agent/rules/exceptions.h"
#include "agent/rules/operand_resolver.h"
#include "agent/rules/output_template.h"
#include "agent/rules/program.h"
#include "agent/rules/rule_index.h"
#include "agent/rules/selection.h"
#include "agent/rules/source_text.h"
#include "agent/rules/type_checker.h"

namespace tensorwarden {
namespace rules {
namespace {

// Falco's spelling, by Priority.
constexpr const char* kPriorityNames[] = {"Emergency", "Alert",  "Critical",      "Error",
                                          "Warning",   "Notice", "Informational", "Debug"};
constexpr size_t kMaxCode = 8'000'000;  // instructions of all rules, about 100 MiB
constexpr char kKeySeparator = '\x1f';  // in no printable value

struct CompiledRule {
  RuleInfo info;
  OutputTemplate output;
  uint32_t entry = Program::kReject;
  std::vector<uint32_t> suppress_by;  // slots
};

class CompiledRuleSet final : public RuleSet {
 public:
  explicit CompiledRuleSet(const RuleOptions& options) : options_(options) {}

  bool Build(const std::vector<RuleFile>& files, Diagnostics& diagnostics) {
    // Positions point into the sources, which are not needed once everything is compiled.
    std::deque<SourceFile> sources;
    Definitions definitions(diagnostics);
    for (const RuleFile& file : files) {
      definitions.Read(sources.emplace_back(file.path, file.text));
    }
    TypeChecker checker(definitions, program_, diagnostics);
    checker.CheckMacros();
    for (const RuleDefinition& rule : definitions.rules()) AddRule(rule, checker, diagnostics);
    index_.Build();
    return diagnostics.errors() == 0;
  }

  void Match(const EnrichedEvent& event, std::vector<Detection>& detections) override {
    const size_t kind = event.event->body.index();
    if (kind >= kEventKindCount || ((needs_.kinds >> kind) & 1) == 0) return;
    cache_.Reset(event, program_.slots().size());
    candidates_.clear();
    index_.Find(kind, program_, cache_, candidates_);
    const auto misses = [&](uint32_t rule) { return !program_.Matches(rules_[rule].entry, cache_); };
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), misses), candidates_.end());
    std::sort(candidates_.begin(), candidates_.end());
    if (options_.first_match_only && candidates_.size() > 1) candidates_.resize(1);
    for (const uint32_t rule : candidates_) detections.push_back(Detect(rules_[rule], event));
  }

  RuleNeeds Needs() const override { return needs_; }
  size_t Size() const override { return rules_.size(); }

 private:
  // Rules that are switched off are checked too: they must still be good when somebody switches them on.
  void AddRule(const RuleDefinition& definition, TypeChecker& checker, Diagnostics& diagnostics) {
    const std::string subject = fmt::format("rule '{}': ", Printable(definition.text.name));
    if (definition.foreign_source) return;
    const std::optional<TypedCondition> condition = CheckAll(definition, subject, checker, diagnostics);
    const std::optional<OutputTemplate> output =
        OutputTemplate::Parse(subject, definition.output, program_.slots(), diagnostics);
    std::vector<uint32_t> suppress_by;
    if (!ResolveSuppress(definition, subject, suppress_by, diagnostics) || !condition || !output) return;
    if (program_.CodeSize() + condition->size > kMaxCode) {
      return diagnostics.Error(definition.place, subject + "all rules together are too large");
    }
    if (!IsSelected(definition, options_)) return;
    const uint32_t entry = Generate(checker, *condition, program_);
    if (entry == Program::kReject || condition->can_hold == 0) {
      return diagnostics.Warning(definition.place, subject +
                                                       "can never match: no event is of its types and has "
                                                       "all of its fields");
    }
    if (definition.warn_evttypes) WarnIfBroad(definition, subject, condition->can_hold, diagnostics);
    index_.Add(static_cast<uint32_t>(rules_.size()), condition->can_hold, FindAnchors(checker, *condition, program_));
    needs_.kinds |= condition->can_hold;
    needs_.opens = (needs_.kinds & kKinds<FileOpen>) != 0;
    CompiledRule& rule = rules_.emplace_back(CompiledRule{definition.text, *output, entry, std::move(suppress_by)});
    rule.info.output = definition.output.text();
  }

  // The condition and none of the exceptions.
  std::optional<TypedCondition> CheckAll(const RuleDefinition& definition, const std::string& subject,
                                         TypeChecker& checker, Diagnostics& diagnostics) const {
    std::optional<TypedCondition> whole = checker.Check(subject, definition.condition, definition.skip_if_unknown);
    for (const ExceptionDefinition& exception : definition.exceptions) {
      const MappedText text = ConditionOf(exception);
      if (text.text().empty()) continue;
      WarnIfExpired(definition, exception, subject, diagnostics);
      const std::string prefix = fmt::format("{}exception '{}': ", subject, Printable(exception.name));
      std::optional<TypedCondition> let_pass = checker.Check(prefix, text, definition.skip_if_unknown);
      if (!let_pass) return std::nullopt;
      if (!whole) continue;
      whole = Chain(TypedCondition::Kind::kAnd, {*std::move(whole), Not(*std::move(let_pass))});
    }
    return whole;
  }

  void WarnIfExpired(const RuleDefinition&, const ExceptionDefinition& exception, const std::string& subject,
                     Diagnostics& diagnostics) const {
    if (options_.now_ns == 0) return;
    const auto expired = [&](const ExceptionValues& v) { return v.expires_ns != 0 && v.expires_ns <= options_.now_ns; };
    const auto at = std::find_if(exception.values.begin(), exception.values.end(), expired);
    if (at == exception.values.end()) return;
    diagnostics.Warning(at->place, fmt::format("{}exception '{}' has expired", subject, Printable(exception.name)));
  }

  static void WarnIfBroad(const RuleDefinition& definition, const std::string& subject, KindSet kinds,
                          Diagnostics& diagnostics) {
    if (kinds != kAllKinds) return;
    diagnostics.Warning(definition.place, subject +
                                              "looks at events of every kind, file opens among them, which have "
                                              "to be hooked for it; add 'evt.type = ...' to the condition");
  }

  bool ResolveSuppress(const RuleDefinition& definition, const std::string& subject, std::vector<uint32_t>& slots,
                       Diagnostics& diagnostics) {
    for (const ListItem& item : definition.suppress_by) {
      LexError error;
      ResolveError unresolved;
      size_t taken = 0;
      const std::optional<Operand> operand = ParseOperand(item.text, taken, error);
      std::optional<uint32_t> slot;
      if (operand && taken == item.text.size()) slot = ResolveOperand(*operand, program_.slots(), unresolved);
      if (!slot) {
        const std::string& why = !operand ? error.message : unresolved.message;
        diagnostics.Error(item.place, fmt::format("{}suppress: {}", subject, why.empty() ? "one field each" : why));
        return false;
      }
      slots.push_back(*slot);
    }
    return true;
  }

  // The cache still holds this event's values.
  Detection Detect(const CompiledRule& rule, const EnrichedEvent& event) {
    Detection detection{.rule = &rule.info, .output = "", .output_fields = {}, .fold_key = ""};
    detection.output = rule.output.Fill(program_.slots(), cache_, detection.output_fields);
    detection.fold_key = FoldKey(rule, event);
    return detection;
  }

  // What an author wrote wins over what the detector proposes.
  std::string FoldKey(const CompiledRule& rule, const EnrichedEvent& event) {
    if (rule.suppress_by.empty()) return event.finding != nullptr ? event.finding->key : "";
    std::string key;
    for (const uint32_t slot : rule.suppress_by) {
      if (!key.empty()) key += kKeySeparator;
      key += FieldText(cache_.Get(program_.slots(), slot));
    }
    return key;
  }

  const RuleOptions options_;
  Program program_;
  RuleIndex index_;
  std::deque<CompiledRule> rules_;  // detections point to their RuleInfo
  RuleNeeds needs_;
  FieldCache cache_;
  std::vector<uint32_t> candidates_;
};

}  // namespace
}  // namespace rules

std::string ProblemLine(const RuleProblem& problem) {
  return fmt::format("{}:{}:{}: {}", problem.path, problem.line, problem.column, problem.message);
}

std::string ProblemWithCaret(const RuleProblem& problem) {
  std::string line = ProblemLine(problem);
  if (problem.source_line.empty() || problem.column < 1) return line;
  return fmt::format("{}\n    {}\n    {:>{}}", line, problem.source_line, '^', problem.column);
}

const char* PriorityName(Priority priority) {
  const size_t index = static_cast<size_t>(priority);
  return index < std::size(rules::kPriorityNames) ? rules::kPriorityNames[index] : "Debug";
}

absl::StatusOr<std::unique_ptr<RuleSet>> RuleSet::Compile(const std::vector<RuleFile>& files,
                                                          std::vector<RuleProblem>& problems,
                                                          const RuleOptions& options) {
  rules::Diagnostics diagnostics(problems);
  auto set = std::make_unique<rules::CompiledRuleSet>(options);
  if (set->Build(files, diagnostics)) return set;
  return absl::InvalidArgumentError(ProblemLine(diagnostics.first_error()));
}

}  // namespace tensorwarden
