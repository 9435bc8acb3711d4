#include "agent/rules/ruleset.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "agent/rules/code_generator.h"
#include "agent/rules/definitions.h"
#include "agent/rules/output_template.h"
#include "agent/rules/program.h"
#include "agent/rules/rule_index.h"
#include "agent/rules/source_text.h"
#include "agent/rules/typed_condition.h"

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
  std::vector<Slot> suppress_by;
};

class CompiledRuleSet final : public RuleSet {
 public:
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
    for (const uint32_t rule : candidates_) detections.push_back(Detect(rules_[rule], event));
  }

  RuleNeeds Needs() const override { return needs_; }
  size_t Size() const override { return rules_.size(); }

 private:
  // Rules that are switched off are checked too: they must still be good when somebody switches them on.
  void AddRule(const RuleDefinition& definition, TypeChecker& checker, Diagnostics& diagnostics) {
    const std::string subject = fmt::format("rule '{}': ", Printable(definition.text.name));
    const std::optional<TypedCondition> condition = checker.Check(subject, definition.condition);
    const std::optional<OutputTemplate> output = OutputTemplate::Parse(subject, definition.output, diagnostics);
    std::vector<Slot> suppress_by;
    if (!ResolveSuppress(definition, subject, suppress_by, diagnostics) || !condition || !output) return;
    if (program_.CodeSize() + condition->size > kMaxCode) {
      return diagnostics.Error(definition.place, subject + "all rules together are too large");
    }
    if (!definition.enabled) return;
    const uint32_t entry = Generate(checker, *condition, program_);
    if (entry == Program::kReject || condition->can_hold == 0) {
      return diagnostics.Warning(definition.place, subject + "can never match: no event has all of its fields");
    }
    WarnIfBroad(definition, subject, condition->can_hold, diagnostics);
    index_.Add(static_cast<uint32_t>(rules_.size()), condition->can_hold, FindAnchors(checker, *condition, program_));
    needs_.kinds |= condition->can_hold;
    needs_.opens = (needs_.kinds & kKinds<FileOpen>) != 0;
    CompiledRule& rule = rules_.emplace_back(CompiledRule{definition.text, *output, entry, std::move(suppress_by)});
    rule.info.output = definition.output.text();
  }

  static void WarnIfBroad(const RuleDefinition& definition, const std::string& subject, KindSet kinds,
                          Diagnostics& diagnostics) {
    if (kinds != kAllKinds) return;
    diagnostics.Warning(definition.place, subject +
                                              "looks at events of every kind, file opens among them, which have "
                                              "to be hooked for it; add 'evt.type = ...' to the condition");
  }

  static bool ResolveSuppress(const RuleDefinition& definition, const std::string& subject, std::vector<Slot>& slots,
                              Diagnostics& diagnostics) {
    for (const ListItem& item : definition.suppress_by) {
      const FieldSpec* field = FindField(item.text);
      if (field == nullptr) {
        diagnostics.Error(item.place, fmt::format("{}suppress: unknown field '{}'{}", subject, Printable(item.text),
                                                  DidYouMean(NearestFields(item.text))));
        return false;
      }
      slots.push_back({field, ""});
    }
    return true;
  }

  Detection Detect(const CompiledRule& rule, const EnrichedEvent& event) {
    output_scratch_.Clear();
    Detection detection{.rule = &rule.info, .output = "", .output_fields = {}, .fold_key = ""};
    detection.output = rule.output.Fill(event, output_scratch_, detection.output_fields);
    detection.fold_key = FoldKey(rule, event);
    return detection;
  }

  // What an author wrote wins over what the detector proposes.
  std::string FoldKey(const CompiledRule& rule, const EnrichedEvent& event) {
    if (rule.suppress_by.empty()) return event.finding != nullptr ? event.finding->key : "";
    std::string key;
    for (const Slot& slot : rule.suppress_by) {
      if (!key.empty()) key += kKeySeparator;
      key += FieldText(slot.field->get(event, slot.argument, output_scratch_));
    }
    return key;
  }

  Program program_;
  RuleIndex index_;
  std::deque<CompiledRule> rules_;  // detections point to their RuleInfo
  RuleNeeds needs_;
  FieldCache cache_;
  FieldScratch output_scratch_;
  std::vector<uint32_t> candidates_;
};

std::string OneLine(const RuleProblem& problem) {
  return fmt::format("{}:{}:{}: {}", problem.path, problem.line, problem.column, problem.message);
}

}  // namespace
}  // namespace rules

const char* PriorityName(Priority priority) {
  const size_t index = static_cast<size_t>(priority);
  return index < std::size(rules::kPriorityNames) ? rules::kPriorityNames[index] : "Debug";
}

absl::StatusOr<std::unique_ptr<RuleSet>> RuleSet::Compile(const std::vector<RuleFile>& files,
                                                          std::vector<RuleProblem>& problems) {
  rules::Diagnostics diagnostics(problems);
  auto set = std::make_unique<rules::CompiledRuleSet>();
  if (set->Build(files, diagnostics)) return set;
  return absl::InvalidArgumentError(rules::OneLine(diagnostics.first_error()));
}

}  // namespace tensorwarden
