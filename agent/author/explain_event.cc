#include "agent/author/explain_event.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/author/rule_tap.h"
#include "agent/capture/capture.h"
#include "agent/daemon/analysis.h"
#include "agent/daemon/capture_source.h"

namespace tensorwarden::author {
namespace {

constexpr std::string_view kFacts[] = {"proc.name",    "proc.pid",     "proc.cmdline",  "fd.name",         "asset.name",
                                       "finding.kind", "finding.what", "finding.stage", "finding.evidence"};

class EventExplainer {
 public:
  EventExplainer(RuleBook& book, const std::string& wanted) : wanted_(wanted) {
    for (const BookRule& rule : book.rules()) {
      const bool named = rule.definition->text.name == wanted;
      if (!named && (!wanted.empty() || !rule.enabled)) continue;
      std::unique_ptr<Explainer> explainer = Explainer::Create(book, rule);
      if (explainer != nullptr) rules_.push_back({rule.kinds(), std::move(explainer)});
    }
  }

  bool has_rules() const { return !rules_.empty(); }
  std::vector<ExplainedEvent> TakeExplained() { return std::move(explained_); }

  void See(const EnrichedEvent& event, std::span<const Detection> detections) {
    ExplainedEvent seen;
    seen.kind = EventKindName(event.event->body);
    seen.operation = EventOperationName(*event.event);
    FieldScratch scratch;
    for (const std::string_view name : kFacts) {
      const FieldValue value = FindField(name)->get(event, "", scratch);
      if (!std::holds_alternative<std::monostate>(value)) seen.facts.emplace_back(name, FieldText(value));
    }
    for (const Row& row : rules_) {
      const bool looks = ((row.kinds >> event.event->body.index()) & 1) != 0;
      if (!looks && wanted_.empty()) continue;
      Verdict& verdict = seen.verdicts.emplace_back(row.explainer->Explain(event));
      const auto is_its = [&](const Detection& detection) { return detection.rule->name == verdict.rule; };
      verdict.fired = std::any_of(detections.begin(), detections.end(), is_its);
    }
    explained_.push_back(std::move(seen));
  }

 private:
  struct Row {
    KindSet kinds;
    std::unique_ptr<Explainer> explainer;
  };
  const std::string& wanted_;
  std::vector<Row> rules_;
  std::vector<ExplainedEvent> explained_;
};

}  // namespace

absl::StatusOr<std::vector<ExplainedEvent>> ExplainEvent(const ExplainSetting& setting, const std::string& capture,
                                                         uint64_t number, const std::string& rule) {
  std::vector<RuleProblem> problems;
  absl::StatusOr<std::unique_ptr<RuleSet>> compiled = RuleSet::Compile(setting.files, problems, setting.options);
  if (!compiled.ok()) return compiled.status();
  RuleBook book(setting.files, setting.options);
  EventExplainer explainer(book, rule);
  if (!explainer.has_rules()) return absl::NotFoundError(fmt::format("there is no rule '{}'", rule));
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = OpenCapture(capture);
  if (!reader.ok()) return reader.status();
  auto tap = std::make_unique<RuleTap>(*std::move(compiled), [&](const EnrichedEvent& event, auto detections) {
    if (event.event->seq == number) explainer.See(event, detections);
  });
  absl::StatusOr<std::unique_ptr<Analysis>> analysis = Analysis::Create(setting.config, std::move(tap));
  if (!analysis.ok()) return analysis.status();
  Event event;
  std::vector<HostEffect> effects;
  std::vector<Alert> alerts;
  for (uint64_t last = 0;;) {
    const absl::StatusOr<bool> more = (*reader)->Next(event);
    if (!more.ok()) return more.status();
    if (!*more || event.seq > number) {
      return absl::NotFoundError(fmt::format("{}: has no event {}; the last before it is {}", capture, number, last));
    }
    last = event.seq;
    (*analysis)->Take(event, effects, alerts);
    effects.clear();
    alerts.clear();
    if (event.seq == number) return explainer.TakeExplained();
  }
}

}  // namespace tensorwarden::author
