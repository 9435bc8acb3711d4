#include "agent/rules/ruleset.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "agent/base/text_escape.h"
#include "agent/rules/condition/anchor.h"
#include "agent/rules/condition/code_generator.h"
#include "agent/rules/condition/exclusion.h"
#include "agent/rules/condition/literal.h"
#include "agent/rules/condition/named_field.h"
#include "agent/rules/condition/program.h"
#include "agent/rules/condition/type_checker.h"
#include "agent/rules/definition_digest.h"
#include "agent/rules/definitions.h"
#include "agent/rules/exceptions.h"
#include "agent/rules/memory/memory_compiler.h"
#include "agent/rules/memory/memory_state.h"
#include "agent/rules/output_template.h"
#include "agent/rules/rule_index.h"
#include "agent/rules/selection.h"
#include "agent/rules/source_text.h"

namespace tensorwarden {
namespace rules {
namespace {

// Falco's spelling, by Priority.
constexpr const char* kPriorityNames[] = {"Emergency", "Alert",  "Critical",      "Error",
                                          "Warning",   "Notice", "Informational", "Debug"};
constexpr size_t kMaxCode = 8'000'000;  // instructions of all rules, about 100 MiB
constexpr size_t kMaxExplained = 100;   // rules that can never match: to say why, their conditions are read again
constexpr char kKeySeparator = '\x1f';  // in no printable value

struct CompiledRule {
  RuleInfo info;
  OutputTemplate output;
  std::vector<uint32_t> fold_by;  // slots: what the author wrote, else `by` of the memory
  ValueHash definition;
  // The rest of rules with memory only.
  CompiledMemory remembers;
  uint64_t without_key = 0;  // events that fit and lack a by-field
  size_t unsaved_keys = 0;
};

// What the index finds: a rule's condition, or one of the steps of its sequence.
struct Condition {
  uint32_t rule = 0;
  uint32_t hit = 1;  // its bit among the rule's conditions
  uint32_t entry = Program::kReject;
};

// Whose connections a condition with these anchors asks for. Listening sockets always come.
RuleNeeds::Connections ConnectionsOf(const std::vector<Anchor>& anchors, const SlotTable& slots) {
  using Connections = RuleNeeds::Connections;
  Connections most = Connections::kAll;
  for (const Anchor& anchor : anchors) {
    const auto all = [&](auto is) {
      return std::all_of(anchor.keys.begin(), anchor.keys.end(), [&](const AnchorKey& key) {
        return is(std::string_view(slots[key.slot].name), key.how == AnchorKey::How::kEqual, key.text);
      });
    };
    const auto is_listen = [](std::string_view field, bool equal, std::string_view op) {
      return field == "evt.op" && equal && op == "listen";
    };
    const auto is_workloads = [](std::string_view field, bool equal, std::string_view role) {
      return field == "workload.name" || (field == "proc.role" && equal && role != "none" && role != "admin");
    };
    if (all(is_listen)) return Connections::kNone;
    if (all(is_workloads)) most = Connections::kOfWorkloads;
  }
  return most;
}

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
    WarnOfIdleSwitches(definitions, options_, diagnostics);
    DefinitionDigests digests(definitions);
    for (const RuleDefinition& rule : definitions.rules()) {
      if (AddRule(rule, definitions, checker, diagnostics))
        rules_.back().definition = digests.Of(rule, options_.memory);
    }
    index_.Build(program_.slots());
    return diagnostics.errors() == 0;
  }

  void Match(const EnrichedEvent& event, std::vector<Detection>& detections) override {
    now_ns_ = std::max(now_ns_, TimeOf(event));
    const size_t kind = event.event->body.index();
    if (kind >= kEventKindCount || ((needs_.kinds >> kind) & 1) == 0) return;
    cache_.Reset(event, program_.slots().size());
    candidates_.clear();
    index_.Find(kind, program_.slots(), cache_, candidates_);
    const auto misses = [&](uint32_t one) { return !program_.Matches(conditions_[one].entry, cache_); };
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), misses), candidates_.end());
    std::sort(candidates_.begin(), candidates_.end());
    candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
    const size_t earlier = detections.size();
    for (size_t i = 0; i < candidates_.size();) {
      const uint32_t rule = conditions_[candidates_[i]].rule;
      uint32_t hits = 0;
      for (; i < candidates_.size() && conditions_[candidates_[i]].rule == rule; ++i) {
        hits |= conditions_[candidates_[i]].hit;
      }
      // Also those that may not alert any more count the event in.
      std::optional<std::string> evidence = Decide(rules_[rule], hits);
      if (!evidence || (options_.first_match_only && detections.size() > earlier)) continue;
      detections.push_back(Detect(rules_[rule], event, *std::move(evidence)));
    }
  }

  std::string SaveMemory() override { return SaveMemories(Remembering(), now_ns_); }

  absl::Status RestoreMemory(std::string_view state, bool new_boot, uint64_t now_ns) override {
    return RestoreMemories(state, Remembering(), new_boot, BoundedTime(static_cast<int64_t>(now_ns)));
  }

  std::vector<RuleMemoryStats> MemoryStats() const override {
    std::vector<RuleMemoryStats> all;
    for (const CompiledRule& rule : rules_) {
      if (rule.remembers.memory == nullptr) continue;
      RuleMemoryStats& stats = all.emplace_back(rule.remembers.memory->Stats());
      stats.rule = rule.info.name;
      stats.uncounted += rule.without_key;
      stats.unsaved_keys = rule.unsaved_keys;
    }
    return all;
  }

  RuleLegacy Release() override {
    RuleLegacy legacy{.rules = {}, .now_ns = now_ns_};
    for (CompiledRule& rule : rules_) {
      legacy.rules.push_back({.name = rule.info.name,
                              .definition = {rule.definition.high, rule.definition.low},
                              .memory = std::move(rule.remembers.memory),
                              .uncounted = rule.without_key});
    }
    return legacy;
  }

  std::vector<std::string> TakeOver(RuleLegacy former) override {
    now_ns_ = std::max(now_ns_, former.now_ns);
    absl::flat_hash_map<std::string_view, CompiledRule*> mine;
    for (CompiledRule& rule : rules_) mine.emplace(rule.info.name, &rule);
    std::vector<std::string> others;
    for (RuleLegacy::Rule& from : former.rules) {
      const auto to = mine.find(from.name);
      if (to == mine.end() || ValueHash{from.definition.first, from.definition.second} != to->second->definition) {
        others.push_back(std::move(from.name));
      } else if (from.memory != nullptr) {
        to->second->remembers.memory->TakeOver(*from.memory);
        to->second->without_key = from.uncounted;
      }
    }
    return others;
  }

  void Forget(const std::vector<std::string>& names) override {
    const absl::flat_hash_set<std::string_view> gone(names.begin(), names.end());
    for (CompiledRule& rule : rules_) {
      if (rule.remembers.memory != nullptr && gone.contains(rule.info.name)) rule.remembers.memory->Clear();
    }
  }

  RuleNeeds Needs() const override { return needs_; }
  size_t Size() const override { return rules_.size(); }

 private:
  static int64_t TimeOf(const EnrichedEvent& event) {
    return static_cast<int64_t>(std::min(event.event->origin.ktime_ns, static_cast<uint64_t>(kMaxTime)));
  }

  std::vector<RememberingRule> Remembering() {
    std::vector<RememberingRule> all;
    for (CompiledRule& rule : rules_) {
      RuleMemory* memory = rule.remembers.memory.get();
      if (memory != nullptr) all.push_back({rule.info.name, rule.remembers.shape, memory, &rule.unsaved_keys});
    }
    return all;
  }

  // Rules that are switched off are checked too: they must still be good when somebody switches them on.
  // True when it is one of the rules now.
  bool AddRule(const RuleDefinition& definition, const Definitions& definitions, TypeChecker& checker,
               Diagnostics& diagnostics) {
    const std::string subject = fmt::format("rule '{}': ", Printable(definition.text.name));
    if (definition.foreign_source) return false;
    const std::optional<std::vector<TypedCondition>> conditions = CheckAll(definition, subject, checker, diagnostics);
    const std::optional<OutputTemplate> output =
        OutputTemplate::Parse(subject, definition.output, program_.slots(), diagnostics, definition.skip_if_unknown);
    std::optional<std::vector<uint32_t>> fold_by =
        ResolveNamedFields(definition.suppress_by, subject + "suppress: ", program_.slots(), diagnostics);
    std::optional<CompiledMemory> memory = CompiledMemory();
    if (definition.memory) {
      memory = CompileMemory(*definition.memory, subject, options_.memory, program_.slots(), diagnostics);
    }
    if (!conditions || !output || !fold_by || !memory || !HasRoom(definition, subject, *conditions, diagnostics))
      return false;
    if (!IsSelected(definition, options_)) return false;
    if (!AddConditions(definition, *conditions, memory->kinds, definitions, checker, subject, diagnostics))
      return false;
    if (fold_by->empty()) fold_by = memory->by;
    CompiledRule& rule =
        rules_.emplace_back(CompiledRule{definition.text, *output, *std::move(fold_by), {}, *std::move(memory)});
    rule.info.output = definition.output.text();
    return true;
  }

  bool HasRoom(const RuleDefinition& definition, const std::string& subject,
               const std::vector<TypedCondition>& conditions, Diagnostics& diagnostics) const {
    size_t size = program_.CodeSize();
    for (const TypedCondition& condition : conditions) size += condition.size;
    if (size <= kMaxCode) return true;
    diagnostics.Error(definition.place, subject + "all rules together are too large");
    return false;
  }

  static const StepDefinition* StepOf(const RuleDefinition& definition, size_t condition) {
    const auto* sequence = definition.memory ? std::get_if<SequenceDefinition>(&definition.memory->what) : nullptr;
    return sequence == nullptr ? nullptr : &sequence->steps[condition];
  }

  // Adds what the next rule looks at to program and index; false, with a warning, when it could never fire.
  bool AddConditions(const RuleDefinition& definition, const std::vector<TypedCondition>& conditions, KindSet counted,
                     const Definitions& definitions, TypeChecker& checker, const std::string& subject,
                     Diagnostics& diagnostics) {
    std::vector<uint32_t> entries;
    for (size_t i = 0; i < conditions.size(); ++i) {
      entries.push_back(Generate(checker, conditions[i], conditions[i].can_hold & counted, program_));
      const StepDefinition* step = StepOf(definition, i);
      if (step != nullptr && step->negated) continue;
      if (entries[i] != Program::kReject && (conditions[i].can_hold & counted) != 0) continue;
      const MappedText& text = step == nullptr ? definition.condition : step->condition;
      const std::string why = ++never_ > kMaxExplained ? "no event satisfies it"
                                                       : WhyNever(definition, text, counted, definitions, checker);
      diagnostics.Warning(definition.place, fmt::format("{}can never match: {}", subject, why));
      return false;
    }
    KindSet kinds = 0;
    for (size_t i = 0; i < conditions.size(); ++i) {
      const KindSet can_hold = conditions[i].can_hold & counted;
      if (entries[i] == Program::kReject || can_hold == 0) continue;
      std::vector<Anchor> anchors = FindAnchors(checker, conditions[i], program_);
      if ((can_hold & kKinds<SocketState>) != 0)
        needs_.connections = std::max(needs_.connections, ConnectionsOf(anchors, program_.slots()));
      index_.Add(static_cast<uint32_t>(conditions_.size()), can_hold, std::move(anchors));
      conditions_.push_back({static_cast<uint32_t>(rules_.size()), uint32_t{1} << i, entries[i]});
      kinds |= can_hold;
    }
    if (definition.warn_evttypes) WarnIfBroad(definition, subject, kinds, diagnostics);
    needs_.kinds |= kinds;
    return true;
  }

  // Of a sequence each step, else the one condition; all without what the exceptions let pass. Those of a sequence are
  // about its last step, whose event would alert.
  std::optional<std::vector<TypedCondition>> CheckAll(const RuleDefinition& definition, const std::string& subject,
                                                      TypeChecker& checker, Diagnostics& diagnostics) const {
    std::vector<TypedCondition> all;
    bool good = true;
    const auto take = [&](std::optional<TypedCondition> condition) {
      good = good && condition.has_value();
      if (condition) all.push_back(*std::move(condition));
    };
    const auto* sequence = definition.memory ? std::get_if<SequenceDefinition>(&definition.memory->what) : nullptr;
    if (sequence == nullptr) {
      take(CheckWhole(definition, definition.condition, subject, checker, diagnostics));
    } else if (!definition.condition.text().empty()) {
      diagnostics.Error(definition.condition.At(0), subject + "a sequence has no 'condition': write it as a step");
      return std::nullopt;
    } else {
      for (const StepDefinition& step : sequence->steps) {
        take(&step == &sequence->steps.back() ? CheckWhole(definition, step.condition, subject, checker, diagnostics)
                                              : checker.Check(subject, step.condition, definition.skip_if_unknown));
      }
    }
    if (!good) return std::nullopt;
    return all;
  }

  // The condition and none of the exceptions.
  std::optional<TypedCondition> CheckWhole(const RuleDefinition& definition, const MappedText& condition,
                                           const std::string& subject, TypeChecker& checker,
                                           Diagnostics& diagnostics) const {
    std::optional<TypedCondition> whole = checker.Check(subject, condition, definition.skip_if_unknown);
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

  // The evidence when the rule matches; "" of a plain one.
  std::optional<std::string> Decide(CompiledRule& rule, uint32_t hits) {
    RuleMemory* memory = rule.remembers.memory.get();
    if (memory == nullptr) return "";
    const std::optional<ValueHash> key = HashOf(rule.remembers.by, program_.slots(), cache_);
    if (!key) {
      ++rule.without_key;
      return std::nullopt;
    }
    std::optional<std::string> evidence = memory->Take(hits, *key, program_.slots(), cache_, now_ns_);
    if (!evidence) return std::nullopt;
    for (const uint32_t slot : rule.remembers.by) {
      *evidence += fmt::format("{}{} {}", slot == rule.remembers.by.front() ? ", by " : ", ",
                               program_.slots()[slot].name, Printable(FieldText(cache_.Get(program_.slots(), slot))));
    }
    return evidence;
  }

  // The cache still holds this event's values.
  Detection Detect(const CompiledRule& rule, const EnrichedEvent& event, std::string evidence) {
    Detection detection{
        .rule = &rule.info, .output = "", .output_fields = {}, .fold_key = "", .evidence = std::move(evidence)};
    detection.output = rule.output.Fill(program_.slots(), cache_, detection.output_fields);
    detection.fold_key = FoldKey(rule, event);
    return detection;
  }

  // What an author wrote wins over what the detector proposes.
  std::string FoldKey(const CompiledRule& rule, const EnrichedEvent& event) {
    if (rule.fold_by.empty()) return event.finding != nullptr ? event.finding->key : "";
    std::string key;
    for (const uint32_t slot : rule.fold_by) {
      if (!key.empty()) key += kKeySeparator;
      key += FieldText(cache_.Get(program_.slots(), slot));
    }
    return key;
  }

  const RuleOptions options_;
  Program program_;
  RuleIndex index_;
  std::deque<CompiledRule> rules_;     // detections point to their RuleInfo
  std::vector<Condition> conditions_;  // those of one rule one behind the other, in the order of rules
  int64_t now_ns_ = 0;                 // latest of any event: those of one batch are not quite in order
  RuleNeeds needs_;
  size_t never_ = 0;  // rules that can never match
  FieldCache cache_;
  std::vector<uint32_t> candidates_;
};

}  // namespace
}  // namespace rules

std::string ProblemLine(const RuleProblem& problem) {
  const std::string path = ToPrintable(problem.path), message = ToPrintable(problem.message);
  if (problem.line == 0) return fmt::format("{}: {}", path, message);
  return fmt::format("{}:{}:{}: {}", path, problem.line, problem.column, message);
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

std::optional<Priority> ParsePriority(std::string_view name) {
  const std::string wanted = rules::ToLower(name);
  if (wanted == "info") return Priority::kInformational;
  for (int i = 0; i <= static_cast<int>(Priority::kDebug); ++i) {
    if (wanted == rules::ToLower(PriorityName(static_cast<Priority>(i)))) return static_cast<Priority>(i);
  }
  return std::nullopt;
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
