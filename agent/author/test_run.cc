#include "agent/author/test_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "agent/author/event_script.h"
#include "agent/author/expected.h"
#include "agent/author/rule_book.h"
#include "agent/author/rule_tap.h"
#include "agent/base/status_text.h"
#include "agent/capture/capture.h"
#include "agent/daemon/analysis.h"
#include "agent/daemon/capture_source.h"

namespace tensorwarden::author {
namespace {

using rules::Diagnostics;
using rules::YamlNode;
using rules::YamlPair;

// A name as the switches' pattern that only it matches.
std::string Literally(const std::string& name) {
  std::string pattern;
  for (const char c : name) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

class TestRunner {
 public:
  TestRunner(const TestCase& test, std::vector<RuleFile> files)
      : test_(test), files_(std::move(files)), diagnostics_(problems_), fields_(test.expect) {}

  TestResult Run() {
    result_.file = test_.file();
    result_.line = test_.line();
    result_.name = test_.name;
    result_.rules = test_.RuleNames();
    result_.fires = !test_.expect.empty();
    std::unique_ptr<RuleSet> rules = Compile();
    if (rules != nullptr && fields_.Resolve(diagnostics_))
      test_.capture.empty() ? RunScript(std::move(rules)) : RunCapture(std::move(rules));
    for (const RuleProblem& problem : problems_) {
      if (problem.error) result_.errors.push_back(ProblemLine(problem));
    }
    if (result_.errors.empty()) result_.differences = Differences(test_, result_.seen);
    return std::move(result_);
  }

 private:
  bool Fail(const rules::Place& place, const std::string& message) {
    diagnostics_.Error(place, message);
    return false;
  }

  std::unique_ptr<RuleSet> Compile() {
    if (test_.lists != nullptr && !AddLists(*test_.lists)) return nullptr;
    const RuleBook book(files_);
    RuleOptions options;
    for (const std::string& name : test_.RuleNames()) {
      if (book.Find(name) == nullptr) {
        diagnostics_.Error(test_.place, fmt::format("there is no rule '{}'{}", rules::Printable(name),
                                                    rules::DidYouMean(book.Nearest(name))));
        return nullptr;
      }
      options.switches.push_back({.enable = true, .name = Literally(name), .tag = ""});
    }
    std::vector<RuleProblem> problems;
    absl::StatusOr<std::unique_ptr<RuleSet>> compiled = RuleSet::Compile(files_, problems, options);
    if (!compiled.ok()) result_.errors.emplace_back(StatusText(compiled.status()));
    return compiled.ok() ? *std::move(compiled) : nullptr;
  }

  // As a rule file of its own behind the others.
  bool AddLists(const YamlNode& node) {
    std::string text;
    const RuleBook book(files_);
    const char* const form = "'lists' is {list of the rule files: [items]}";
    if (node.kind != YamlNode::Kind::kMapping) return Fail(node.place, form);
    for (const YamlPair& list : node.pairs) {
      if (book.definitions().FindList(list.key) == nullptr) {
        return Fail(list.place, fmt::format("there is no list '{}'{}", rules::Printable(list.key),
                                            rules::DidYouMean(book.definitions().NearestLists(list.key))));
      }
      if (list.value.kind != YamlNode::Kind::kSequence) return Fail(list.place, form);
      text += fmt::format("- list: {:?}\n  items:\n", list.key);
      for (const YamlNode& item : list.value.items) text += fmt::format("    - {:?}\n", item.scalar.text());
      if (list.value.items.empty()) text += "    []\n";
    }
    files_.push_back({test_.file(), std::move(text)});
    return true;
  }

  std::unique_ptr<RuleTap> Tap(std::unique_ptr<RuleSet> rules) {
    auto tap = std::make_unique<RuleTap>(std::move(rules), [this](const EnrichedEvent& event, auto detections) {
      for (const Detection& detection : detections) fields_.See(event, detection);
    });
    tap_ = tap.get();
    return tap;
  }

  void RunScript(std::unique_ptr<RuleSet> rules) {
    Scene scene(diagnostics_);
    if (!scene.Read(test_.host)) return;
    absl::StatusOr<std::unique_ptr<Analysis>> analysis =
        Analysis::CreateWithoutDetectors(scene.Config(), Tap(std::move(rules)));
    if (!analysis.ok()) {
      result_.errors.emplace_back(StatusText(analysis.status()));
      return;
    }
    tap_->set_muted(true);
    for (const Event& event : scene.setup()) Feed(**analysis, event);
    tap_->set_muted(false);
    ValueReader reader(scene, diagnostics_, [&](const FileKey& file) -> std::optional<uint32_t> {
      const AssetInfo* asset = (*analysis)->host().Asset(file);
      return asset == nullptr ? std::nullopt : std::optional<uint32_t>(asset->label);
    });
    uint64_t last_ns = Scene::kStartNs;
    for (const YamlNode& node : test_.events->items) {
      const std::optional<Event> event = ReadScriptedEvent(node, last_ns, reader);
      if (!event) return;
      last_ns = event->origin.ktime_ns;
      Tick(**analysis, last_ns);
      Feed(**analysis, *event);
    }
  }

  // What waits for time to pass does so before the event, not after it.
  void Tick(Analysis& analysis, uint64_t ktime_ns) {
    Event tick;
    tick.origin.ktime_ns = ktime_ns;
    tick.body = ClockTick{.realtime_offset_ns = analysis.host().Start().realtime_offset_ns};
    Feed(analysis, tick);
  }

  void Feed(Analysis& analysis, Event event) {
    event.seq = ++seq_;
    Take(analysis, event);
  }

  void Take(Analysis& analysis, const Event& event) {
    std::vector<HostEffect> unused;
    std::vector<Alert> alerts;
    analysis.Take(event, unused, alerts);
    for (const Alert& alert : alerts) {
      SeenAlert seen{.rule = alert.rule,
                     .activity = alert.activity,
                     .priority = PriorityName(alert.priority),
                     .stage = alert.stage,
                     .output = alert.output,
                     .event = event.seq};
      seen.at_s = (static_cast<double>(event.origin.ktime_ns) - static_cast<double>(start_ns_)) / 1e9;
      seen.fields = fields_.Of(alert);
      result_.seen.push_back(std::move(seen));
    }
  }

  void RunCapture(std::unique_ptr<RuleSet> rules) {
    absl::StatusOr<std::unique_ptr<CaptureReader>> reader = OpenCapture(test_.capture);
    absl::StatusOr<std::unique_ptr<Analysis>> analysis = Analysis::Create(AgentConfig{}, Tap(std::move(rules)));
    if (!reader.ok() || !analysis.ok()) {
      result_.errors.emplace_back(StatusText(reader.ok() ? analysis.status() : reader.status()));
      return;
    }
    Event event;
    for (bool first = true;; first = false) {
      const absl::StatusOr<bool> more = (*reader)->Next(event);
      if (!more.ok()) {
        result_.errors.emplace_back(StatusText(more.status()));
        return;
      }
      if (!*more) return;
      if (first) start_ns_ = event.origin.ktime_ns;
      Take(**analysis, event);
    }
  }

  const TestCase& test_;
  std::vector<RuleFile> files_;
  std::vector<RuleProblem> problems_;
  Diagnostics diagnostics_;
  ExpectedFields fields_;
  TestResult result_;
  RuleTap* tap_ = nullptr;  // owned by the analysis
  uint64_t seq_ = 0;
  uint64_t start_ns_ = Scene::kStartNs;
};

}  // namespace

TestResult RunTest(const TestCase& test, const std::vector<RuleFile>& files) { return TestRunner(test, files).Run(); }

}  // namespace tensorwarden::author
