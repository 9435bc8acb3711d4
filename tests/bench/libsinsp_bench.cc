// The same conditions on the same events, by our rules and by libsinsp, interleaved: one JSON line per number of rules.
//
// libsinsp's filters run as Falco runs them, those of the event's type one after the other ("by_type"); "in_turn" are
// all of them for each event, each with its check of the type. Its fields are read out of prepared texts, which is
// cheaper than libsinsp's own; ours come out of the event and also fill in the alerts' texts. First both must agree on
// every event.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/rules/ruleset.h"
#include "tests/bench/rule_mix.h"
#include "tests/oracle/reference.h"

namespace tensorwarden {
namespace {

constexpr uint32_t kCounts[] = {200, 2000};
constexpr int kRounds = 5;
// Chunks of a round, of which the best one counts, as others use the machine too. Ours goes over the events several
// times, so that its chunks last as long and are disturbed as often.
constexpr int kChunks = 5, kInTurnChunks = 1;
constexpr int kOurPasses = 16;

// The reference's tw.t1, tw.t2, ...; tw.t0 is the event's type.
constexpr std::array<std::string_view, 21> kTextFields = {
    "proc.name",   "proc.pname",   "proc.cmdline",  "proc.exepath", "proc.role",   "container.id",      "fd.name",
    "fd.filename", "fd.directory", "fd.sip",        "asset.name",   "asset.class", "evt.is_open_write", "http.path",
    "http.method", "dns.name",     "finding.stage", "finding.kind", "host.object", "gpu.call",          "proc.exe"};
// tw.n0, tw.n1, ...
constexpr std::array<std::string_view, 6> kNumberFields = {"user.uid",      "fd.sport",  "file.bytes",
                                                           "finding.value", "gpu.minor", "evt.exit_code"};
static_assert(kTextFields.size() < oracle::kTexts && kNumberFields.size() <= oracle::kNumbers);

void ReplaceField(std::string& condition, std::string_view field, const std::string& by) {
  for (size_t at = 0; (at = condition.find(field, at)) != std::string::npos; at += by.size()) {
    const char after = condition[at + field.size()];
    if (after == ' ') condition.replace(at, field.size(), by);
  }
}

std::string Theirs(std::string condition) {
  for (size_t i = 0; i < kTextFields.size(); ++i) ReplaceField(condition, kTextFields[i], fmt::format("tw.t{}", i + 1));
  for (size_t i = 0; i < kNumberFields.size(); ++i) ReplaceField(condition, kNumberFields[i], fmt::format("tw.n{}", i));
  return condition;
}

oracle::Facts FactsOf(const EnrichedEvent& event, const std::string& type) {
  oracle::Facts facts;
  FieldScratch scratch;
  facts.texts[0] = type;
  for (size_t i = 0; i < kTextFields.size(); ++i) {
    const FieldValue value = FindField(kTextFields[i])->get(event, "", scratch);
    if (!std::holds_alternative<std::monostate>(value)) facts.texts[i + 1] = FieldText(value);
  }
  for (size_t i = 0; i < kNumberFields.size(); ++i) {
    const FieldValue value = FindField(kNumberFields[i])->get(event, "", scratch);
    if (const double* number = std::get_if<double>(&value)) facts.numbers[i] = static_cast<uint64_t>(*number);
  }
  return facts;
}

struct Scene {
  MixedEvents mix;
  std::vector<oracle::Facts> facts;  // of each event
};

class Contest {
 public:
  using Filters = std::vector<std::unique_ptr<oracle::Reference>>;

  Contest(const Scene& scene, uint32_t count) : scene_(scene) {
    std::string text = MixedDefinitions();
    std::vector<MixedRule> rules;
    for (uint32_t number = 0; rules.size() < count; ++number) {
      const MixedRule rule = MakeMixedRule(number);
      if (!rule.common) continue;
      text += AsYaml(rule, static_cast<uint32_t>(rules.size()));
      rules.push_back(rule);
    }
    std::vector<RuleProblem> problems;
    auto compiled = RuleSet::Compile({{"bench.yaml", text}}, problems);
    if (!compiled.ok()) throw std::runtime_error(std::string(compiled.status().message()));
    ours_ = *std::move(compiled);
    for (const MixedRule& rule : rules) AddFilters(rule);
  }

  // Both sides name the same rules for each event; returns how many events some rule matches.
  size_t Agree() {
    size_t matching = 0;
    for (size_t i = 0; i < scene_.facts.size(); ++i) {
      std::vector<Detection> detections;
      ours_->Match(scene_.mix.enriched[i], detections);
      std::set<std::string> ours, theirs;
      for (const Detection& detection : detections) ours.insert(detection.rule->name);
      for (size_t rule = 0; rule < in_turn_.size(); ++rule) {
        if (in_turn_[rule]->Matches(scene_.facts[i])) theirs.insert(fmt::format("r{}", rule));
      }
      if (ours != theirs || RunByType(i) != theirs.size()) {
        throw std::runtime_error(
            fmt::format("event {}: we find {}, libsinsp {}", i, fmt::join(ours, " "), fmt::join(theirs, " ")));
      }
      matching += ours.empty() ? 0 : 1;
    }
    return matching;
  }

  // Events a second.
  double Ours() {
    std::vector<Detection> detections;
    return Best(kChunks, kOurPasses, [&](size_t i) {
      detections.clear();
      ours_->Match(scene_.mix.enriched[i], detections);
      return detections.size();
    });
  }
  double ByType() {
    return Best(kChunks, 1, [&](size_t i) { return RunByType(i); });
  }
  double InTurn() {
    return Best(kInTurnChunks, 1, [&](size_t i) { return Run(in_turn_, scene_.facts[i]); });
  }

 private:
  void AddFilters(const MixedRule& rule) {
    const std::string condition = Theirs(rule.condition);
    in_turn_.push_back(std::make_unique<oracle::Reference>(
        rule.type.empty() ? condition : fmt::format("tw.t0 = {} and {}", rule.type, condition)));
    Filters& filters = rule.type.empty() ? any_type_ : by_type_[rule.type];
    filters.push_back(std::make_unique<oracle::Reference>(condition));
  }

  static size_t Run(Filters& filters, const oracle::Facts& facts) {
    size_t matches = 0;
    for (const auto& filter : filters) matches += filter->Matches(facts) ? 1 : 0;
    return matches;
  }

  size_t RunByType(size_t event) {
    const auto filters = by_type_.find(scene_.mix.types[event]);
    return Run(any_type_, scene_.facts[event]) +
           (filters == by_type_.end() ? 0 : Run(filters->second, scene_.facts[event]));
  }

  template <typename Match>
  double Best(int chunks, int passes, Match match) {
    double best = 0;
    for (int chunk = 0; chunk < chunks; ++chunk) {
      const auto start = std::chrono::steady_clock::now();
      for (int pass = 0; pass < passes; ++pass) {
        for (size_t i = 0; i < scene_.facts.size(); ++i) matches_ += match(i);
      }
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      best = std::max(best, static_cast<double>(scene_.facts.size()) * passes / spent.count());
    }
    return best;
  }

  const Scene& scene_;
  std::unique_ptr<RuleSet> ours_;
  Filters in_turn_, any_type_;
  std::map<std::string, Filters> by_type_;
  size_t matches_ = 0;  // so that no run is without an effect
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Measure(const Scene& scene, uint32_t count) {
  Contest contest(scene, count);
  const size_t matching = contest.Agree();
  std::vector<double> ours, by_type, in_turn;
  for (int round = 0; round < kRounds; ++round) {
    ours.push_back(contest.Ours());
    by_type.push_back(contest.ByType());
    in_turn.push_back(contest.InTurn());
  }
  fmt::print(
      "{{\"bench\":\"libsinsp\",\"rules\":{},\"distinct_events\":{},\"matching_events\":{},"
      "\"ours_per_second\":{:.0f},\"by_type_per_second\":{:.0f},\"in_turn_per_second\":{:.0f},"
      "\"rounds\":{{\"ours\":[{:.0f}],\"by_type\":[{:.0f}],\"in_turn\":[{:.0f}]}}}}\n",
      count, kMixedEvents, matching, Median(ours), Median(by_type), Median(in_turn), fmt::join(ours, ","),
      fmt::join(by_type, ","), fmt::join(in_turn, ","));
}

int Run() {
  Scene scene;
  MakeMixedEvents(scene.mix);
  for (size_t i = 0; i < scene.mix.events.size(); ++i) {
    scene.facts.push_back(FactsOf(scene.mix.enriched[i], scene.mix.types[i]));
  }
  for (const uint32_t count : kCounts) {
    Measure(scene, count);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace tensorwarden

int main() {
  try {
    return tensorwarden::Run();
  } catch (const std::exception& e) {
    fmt::print(stderr, "libsinsp_bench: {}\n", e.what());
    return 2;
  }
}
