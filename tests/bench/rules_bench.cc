// Speed of rules on one core and what they take of memory: one JSON line per number of rules. Enrich() is outside, as
// it is paid once per event whatever the rules are.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/rules/ruleset.h"
#include "tests/bench/rule_mix.h"

namespace tensorwarden {
namespace {

constexpr uint32_t kCounts[] = {200, 2000};
constexpr int kRounds = 9;
constexpr int kChunks = 15;  // of a round; the best one counts, as others use the machine too

struct Measured {
  std::unique_ptr<RuleSet> rules;
  uint64_t resident_bytes = 0;  // that compiling added
  double compile_seconds = 0;
  size_t matching_events = 0;
  size_t matching_rules = 0;
  std::vector<double> per_second;  // by round
};

uint64_t ResidentBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

Measured Compile(uint32_t count) {
  const std::string text = MixedRuleFile(count);
  const uint64_t before = ResidentBytes();
  const auto start = std::chrono::steady_clock::now();
  std::vector<RuleProblem> problems;
  auto rules = RuleSet::Compile({{"bench.yaml", text}}, problems);
  for (const RuleProblem& problem : problems) std::fprintf(stderr, "%s\n", ProblemLine(problem).c_str());
  Measured measured;
  if (!rules.ok()) return measured;
  measured.compile_seconds = Seconds(start);
  measured.resident_bytes = ResidentBytes() - before;
  measured.rules = *std::move(rules);
  return measured;
}

void CountMatches(Measured& measured, const MixedEvents& mix) {
  std::set<std::string_view> names;
  for (const EnrichedEvent& event : mix.enriched) {
    std::vector<Detection> detections;
    measured.rules->Match(event, detections);
    measured.matching_events += detections.empty() ? 0 : 1;
    for (const Detection& detection : detections) names.insert(detection.rule->name);
  }
  measured.matching_rules = names.size();
}

// All events once.
double ChunkSeconds(RuleSet& rules, const MixedEvents& mix) {
  std::vector<Detection> detections;
  const auto start = std::chrono::steady_clock::now();
  for (const EnrichedEvent& event : mix.enriched) {
    detections.clear();
    rules.Match(event, detections);
  }
  return Seconds(start);
}

void Print(uint32_t count, const Measured& measured) {
  std::vector<double> sorted = measured.per_second;
  std::sort(sorted.begin(), sorted.end());
  fmt::print(
      "{{\"bench\":\"rules\",\"rules\":{},\"distinct_events\":{},\"matching_events\":{},\"matching_rules\":{},"
      "\"events_per_second\":{:.0f},\"rounds\":[{:.0f}],\"compile_ms\":{:.0f},\"resident_bytes\":{}}}\n",
      count, kMixedEvents, measured.matching_events, measured.matching_rules, sorted[sorted.size() / 2],
      fmt::join(measured.per_second, ","), measured.compile_seconds * 1e3, measured.resident_bytes);
}

int Run() {
  MixedEvents mix;
  MakeMixedEvents(mix);
  std::vector<Measured> all;
  for (const uint32_t count : kCounts) {
    if (!all.emplace_back(Compile(count)).rules) return 1;
    CountMatches(all.back(), mix);
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Measured& measured : all) {
      double best = ChunkSeconds(*measured.rules, mix);
      for (int chunk = 1; chunk < kChunks; ++chunk) best = std::min(best, ChunkSeconds(*measured.rules, mix));
      measured.per_second.push_back(kMixedEvents / best);
    }
  }
  for (size_t i = 0; i < all.size(); ++i) Print(kCounts[i], all[i]);
  return 0;
}

}  // namespace
}  // namespace tensorwarden

int main(int argc, char** argv) {
  if (argc == 1) return tensorwarden::Run();
  std::fputs(tensorwarden::MixedRuleFile(static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10))).c_str(), stdout);
  return 0;
}
