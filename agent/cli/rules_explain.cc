#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "agent/author/conditions.h"
#include "agent/author/explain_event.h"
#include "agent/author/kind_service.h"
#include "agent/base/text_escape.h"
#include "agent/cli/common.h"
#include "agent/cli/rules_verbs.h"
#include "agent/rules/condition/network_list.h"
#include "agent/rules/exceptions.h"

namespace tensorwarden {
namespace {

using author::BookRule;
using author::ExplainedEvent;
using author::KindService;
using author::Part;
using author::Verdict;
using nlohmann::ordered_json;

struct ExplainFlags : RulesFlags {
  std::string rule;
  std::string capture;
  uint64_t event = 0;
};

// What `rules explain RULE` says, before it is text or JSON.
struct Explanation {
  struct Condition {
    std::string name;  // of a step; "" of the rule's own
    std::string text;
    std::string key;  // of the index: "proc.name is a or b"; "" none
  };
  std::vector<Condition> conditions;
  std::vector<std::pair<std::string, std::string>> exceptions;  // name, what it lets pass
  std::string cost;
};

size_t Comparisons(const BookRule& rule) {
  size_t cost = 0;
  for (const author::BookCondition& condition : rule.conditions) cost += condition.typed.cost;
  return cost;
}

std::string CostInWords(const BookRule& rule, const Explanation& explanation) {
  if (!rule.enabled) return "none: the rule is switched off";
  if (rule.never()) return "none: no event can match, so the rule is not looked at";
  const size_t kinds = author::ServicesOf(rule.kinds()).size();
  const std::string events =
      rule.kinds() == kAllKinds ? "every event" : fmt::format("events of {} kind{}", kinds, kinds == 1 ? "" : "s");
  const auto& conditions = explanation.conditions;
  const bool keyed = std::all_of(conditions.begin(), conditions.end(), [](const auto& c) { return !c.key.empty(); });
  return fmt::format("{}; evaluated for {}; at most about {} comparisons{}", events,
                     keyed ? "those of them that the index key fits" : "each of them", Comparisons(rule),
                     rule.definition->memory ? ", and state for each key" : "");
}

const char* VerbOf(const rules::AnchorKey& key) {
  using How = rules::AnchorKey::How;
  switch (key.how) {
    case How::kPrefix:
      return "begins with";
    case How::kSuffix:
      return "ends with";
    case How::kSubstring:
      return "contains";
    case How::kNetwork:
      return "is in";
    default:
      return "is";
  }
}

std::string ValueOf(const rules::AnchorKey& key, FieldType type) {
  if (key.how == rules::AnchorKey::How::kNetwork) return rules::NetworkText(*key.network);
  if (type == FieldType::kBool) return FieldText(FieldValue(key.number != 0));
  if (key.how == rules::AnchorKey::How::kNumber) return FieldText(FieldValue(key.number));
  return std::string(key.text);
}

// Of one field: its first keys, which are `size` in all.
std::string KeysInWords(const rules::AnchorKey* keys, size_t size, const rules::Slot& slot) {
  constexpr size_t kShown = 8;
  std::string text = slot.name;
  for (size_t i = 0; i < std::min(size, kShown); ++i) {
    if (i > 0) text += " or";
    if (i == 0 || keys[i - 1].how != keys[i].how) text += fmt::format(" {}", VerbOf(keys[i]));
    text += fmt::format(" {}", ValueOf(keys[i], slot.type));
  }
  return size > kShown ? fmt::format("{} or {} more", text, size - kShown) : text;
}

std::string KeyInWords(const author::RuleBook& book, const author::BookCondition& condition) {
  const rules::Anchor* anchor = book.IndexKey(condition);
  if (anchor == nullptr) return "";
  std::vector<std::string> texts;
  const std::vector<rules::AnchorKey>& keys = anchor->keys;
  for (size_t i = 0, end = 0; i < keys.size(); i = end) {
    while (end < keys.size() && keys[end].slot == keys[i].slot) ++end;
    texts.push_back(KeysInWords(&keys[i], end - i, book.program().slots()[keys[i].slot]));
  }
  return fmt::format("{}", fmt::join(texts, "; or "));
}

Explanation ExplainRule(const author::RuleBook& book, const BookRule& rule) {
  Explanation out;
  const auto& definitions = book.definitions();
  for (const author::BookCondition& condition : rule.conditions) {
    const auto ast = author::Parse(*condition.text);
    out.conditions.push_back({condition.name, ast ? author::ExpandedText(*ast, definitions) : condition.text->text(),
                              KeyInWords(book, condition)});
  }
  for (const rules::ExceptionDefinition& exception : rule.definition->exceptions) {
    const rules::MappedText text = rules::ConditionOf(exception);
    const auto ast = author::Parse(text);
    if (ast) out.exceptions.emplace_back(exception.name, author::ExpandedText(*ast, definitions));
  }
  out.cost = CostInWords(rule, out);
  return out;
}

// What only a rule makes the sensor do.
std::string AskedOfTheKernel(const BookRule& rule) {
  if (!rule.enabled) return "nothing: the rule is switched off";
  for (const KindService& service : author::ServicesOf(rule.kinds())) {
    if (service.on_demand) return fmt::format("{}, that is {}", service.kind, service.note);
  }
  return "nothing beyond what is sent without rules";
}

std::string TiersOf(const KindService& service) {
  if (service.tiers.empty()) return "no probe";
  return fmt::format("{} tier", fmt::join(service.tiers, ", else "));
}

void PrintIndented(const std::string& text) {
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    fmt::print("    {}\n", ToPrintable(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
}

void PrintText(const BookRule& rule, const Explanation& explanation) {
  const RuleInfo& info = rule.definition->text;
  fmt::print("{} ({}{}) {}:{}\n", ToPrintable(info.name), PriorityName(info.priority),
             rule.enabled ? "" : ", switched off", ToPrintable(info.file), info.line);
  for (const Explanation::Condition& condition : explanation.conditions) {
    fmt::print("  {}, macros and lists expanded:\n", condition.name.empty() ? "condition" : condition.name);
    PrintIndented(condition.text);
    fmt::print("  index key: {}\n", condition.key.empty() ? "none" : ToPrintable(condition.key));
  }
  for (const auto& [name, text] : explanation.exceptions) {
    fmt::print("  and not exception '{}':\n", ToPrintable(name));
    PrintIndented(text);
  }
  fmt::print("  looks at:\n");
  for (const KindService& service : author::ServicesOf(rule.kinds())) {
    fmt::print("    {:<16} {}: {} ({})\n", service.kind, service.when, service.note, TiersOf(service));
  }
  fmt::print("  cost: {}\n", explanation.cost);
  fmt::print("  asks of the kernel: {}\n", AskedOfTheKernel(rule));
}

ordered_json ToJson(const BookRule& rule, const Explanation& explanation) {
  const RuleInfo& info = rule.definition->text;
  ordered_json out = {{"name", info.name},       {"priority", PriorityName(info.priority)},
                      {"enabled", rule.enabled}, {"path", info.file},
                      {"line", info.line},       {"remembers", rule.definition->memory.has_value()}};
  out["conditions"] = ordered_json::array();
  for (const Explanation::Condition& condition : explanation.conditions) {
    out["conditions"].push_back(
        {{"name", condition.name}, {"condition", condition.text}, {"index_key", condition.key}});
  }
  out["exceptions"] = ordered_json::array();
  for (const auto& [name, text] : explanation.exceptions) {
    out["exceptions"].push_back({{"name", name}, {"condition", text}});
  }
  out["kinds"] = ordered_json::array();
  for (const KindService& service : author::ServicesOf(rule.kinds())) {
    out["kinds"].push_back({{"kind", std::string(service.kind)},
                            {"when", std::string(service.when)},
                            {"tiers", service.tiers},
                            {"on_demand", service.on_demand},
                            {"note", std::string(service.note)}});
  }
  out["cost"] = explanation.cost;
  out["comparisons"] = Comparisons(rule);
  out["asks_of_the_kernel"] = AskedOfTheKernel(rule);
  return out;
}

const char* WordOf(Part::Kind kind) {
  switch (kind) {
    case Part::Kind::kAnd:
      return "all of";
    case Part::Kind::kOr:
      return "any of";
    case Part::Kind::kNot:
      return "not";
    case Part::Kind::kException:
      return "not";
    case Part::Kind::kCheck:
      return "";
  }
  return "";
}

void PrintPart(const Part& part, size_t depth) {
  std::string text = part.text;
  if (part.kind != Part::Kind::kCheck)
    text = part.text.empty() ? WordOf(part.kind) : fmt::format("{} ({})", WordOf(part.kind), part.text);
  // A macro says what its one child says.
  const bool only_name = part.kind == Part::Kind::kAnd && part.children.size() == 1;
  if (only_name) text = part.text;
  std::string values;
  for (const auto& [name, value] : part.values)
    values += fmt::format("{}{} is {}", values.empty() ? "   " : ", ", name, value);
  fmt::print("    {:<5} {:{}}{}{}\n", part.holds ? "true" : "false", "", depth * 2, ToPrintable(text),
             ToPrintable(values));
  for (const Part& child : part.children) PrintPart(child, depth + 1);
}

std::string InWords(const Verdict& verdict) {
  if (!verdict.remembers) return verdict.matches ? "matches" : "does not match";
  if (!verdict.matches) return "the event does not count";
  return verdict.fired ? "the event counts, and made it fire" : "the event counts, and did not make it fire";
}

void PrintText(const ExplainedEvent& event, uint64_t number) {
  fmt::print("event {}: {}{}{}\n", number, event.kind, event.operation.empty() ? "" : ", ", event.operation);
  for (const auto& [name, value] : event.facts) fmt::print("  {} = {}\n", name, ToPrintable(value));
  for (const Verdict& verdict : event.verdicts) {
    fmt::print("  {}: {}\n", ToPrintable(verdict.rule), InWords(verdict));
    PrintPart(verdict.whole, 0);
  }
  if (event.verdicts.empty()) fmt::print("  no rule looks at events of this kind\n");
}

ordered_json ToJson(const Part& part) {
  ordered_json out = ordered_json::object();
  if (part.kind != Part::Kind::kCheck) out["of"] = WordOf(part.kind);
  if (!part.text.empty()) out["text"] = part.text;
  out["holds"] = part.holds;
  for (const auto& [name, value] : part.values) out["values"][name] = value;
  for (const Part& child : part.children) out["parts"].push_back(ToJson(child));
  return out;
}

ordered_json ToJson(const ExplainedEvent& event, uint64_t number) {
  ordered_json out = {{"event", number}, {"kind", event.kind}, {"operation", event.operation}};
  out["facts"] = ordered_json::object();
  for (const auto& [name, value] : event.facts) out["facts"][name] = value;
  out["rules"] = ordered_json::array();
  for (const Verdict& verdict : event.verdicts) {
    out["rules"].push_back({{"name", verdict.rule},
                            {"matches", verdict.matches},
                            {"fired", verdict.fired},
                            {"condition", ToJson(verdict.whole)}});
  }
  return out;
}

int RunExplainEvent(const ExplainFlags& flags) {
  const absl::StatusOr<RuleInputs> inputs = InputsFromFlags(flags);
  if (!inputs.ok()) return Fail(inputs.status());
  const absl::StatusOr<std::vector<ExplainedEvent>> events =
      author::ExplainEvent({inputs->config, inputs->files, inputs->options}, flags.capture, flags.event, flags.rule);
  if (!events.ok()) return Fail(events.status());
  for (const ExplainedEvent& event : *events) {
    flags.json ? PrintJson(ToJson(event, flags.event)) : PrintText(event, flags.event);
  }
  return 0;
}

int RunExplain(const ExplainFlags& flags) {
  if (flags.event != 0) return RunExplainEvent(flags);
  const absl::StatusOr<std::unique_ptr<author::RuleBook>> book = BookFromFlags(flags);
  if (!book.ok()) return Fail(book.status());
  const BookRule* rule = (*book)->Find(flags.rule);
  if (rule == nullptr) {
    return Fail(absl::NotFoundError(
        fmt::format("there is no rule '{}'{}", flags.rule, rules::DidYouMean((*book)->Nearest(flags.rule)))));
  }
  if (rule->conditions.empty()) {
    return Fail(absl::FailedPreconditionError(fmt::format("rule '{}' is skipped: 'rules check' says why", flags.rule)));
  }
  const Explanation explanation = ExplainRule(**book, *rule);
  flags.json ? PrintJson(ToJson(*rule, explanation)) : PrintText(*rule, explanation);
  return 0;
}

}  // namespace

void AddRulesExplain(CLI::App& rules, Action& action) {
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App* verb = rules.add_subcommand("explain", "What a rule means and costs, or why it matched an event or not");
  AddRulesOption(*verb, *flags);
  CLI::Option* rule = verb->add_option("rule", flags->rule, "Name of the rule")->type_name("RULE");
  CLI::Option* capture =
      verb->add_option("--capture", flags->capture, "The capture that has the event")->type_name("F");
  CLI::Option* event = verb->add_option("--event", flags->event, "Number of an event, as evt.num")->type_name("N");
  event->needs(capture)->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  capture->needs(event);
  verb->callback([flags, rule, event, &action] {
    if (rule->count() + event->count() == 0) throw CLI::RequiredError("RULE, or --event and --capture,");
    action = [flags] { return RunExplain(*flags); };
  });
}

}  // namespace tensorwarden
