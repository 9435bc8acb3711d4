// Compares our evaluation of conditions with libsinsp's: oracle [PAIRS [SEED]]. Prints each disagreement and, last, how
// many pairs of a condition and an event were compared. Exit status 1 when any disagreed.
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <set>
#include <vector>

#include "agent/rules/ruleset.h"
#include "tests/oracle/generator.h"
#include "tests/support/rule_scene.h"

namespace {

using namespace tensorwarden;

constexpr size_t kRules = 200;   // in one rule set, so that its index has to choose
constexpr size_t kEvents = 250;  // for each
constexpr size_t kMaxShown = 10;
constexpr uint32_t kNoLogin = 0xffffffff;

struct Batch {
  std::vector<oracle::Condition> conditions;
  std::vector<std::unique_ptr<oracle::Reference>> references;
  std::unique_ptr<RuleSet> rules;
};

// A condition that one side refuses is compared with nothing, so it is an error of the generator.
Batch MakeBatch(oracle::Generator& generator) {
  Batch batch;
  std::string text;
  for (size_t i = 0; i < kRules; ++i) {
    batch.conditions.push_back(generator.MakeCondition(3));
    batch.references.push_back(std::make_unique<oracle::Reference>(batch.conditions.back().theirs));
    text += fmt::format(
        "- rule: r{}\n  desc: d\n  priority: Notice\n  output: o\n  condition: |\n    evt.kind = file_open and ({})\n",
        i, batch.conditions.back().ours);
  }
  std::vector<RuleProblem> problems;
  auto rules = RuleSet::Compile({{"r.yaml", text}}, problems);
  if (!rules.ok()) throw std::runtime_error(std::string(rules.status().message()));
  batch.rules = *std::move(rules);
  return batch;
}

std::set<std::string> Ours(Batch& batch, const oracle::Facts& facts) {
  FakeHost host = MakeHost();
  ProcessInfo& actor = host.processes[kActor];
  actor.comm = facts.texts[0].value_or("");
  actor.uid = static_cast<uint32_t>(*facts.numbers[0]);
  actor.login_uid = facts.numbers[1] ? static_cast<uint32_t>(*facts.numbers[1]) : kNoLogin;
  actor.gid = static_cast<uint32_t>(*facts.numbers[2]);
  AssetInfo& asset = host.assets[kModelFile];
  asset.klass = facts.texts[1].value_or("");
  asset.name = facts.texts[2].value_or("");
  const Event event = MakeEvent(FileOpen{.file = kModelFile, .path = facts.texts[3].value_or("")});
  const std::vector<std::string> names = NamesOfMatches(*batch.rules, host, event);
  return {names.begin(), names.end()};
}

std::string Shown(const oracle::Facts& facts) {
  std::string text;
  for (const auto& value : facts.texts) text += value ? fmt::format(" '{}'", *value) : " -";
  for (const auto& value : facts.numbers) text += value ? fmt::format(" {}", *value) : " -";
  return text;
}

// Pairs that disagree; adds to `matched` those that libsinsp matches.
size_t Compare(Batch& batch, const oracle::Facts& facts, size_t& matched) {
  const std::set<std::string> ours = Ours(batch, facts);
  size_t wrong = 0;
  for (size_t i = 0; i < kRules; ++i) {
    const bool theirs = batch.references[i]->Matches(facts);
    matched += theirs ? 1 : 0;
    if (ours.contains(fmt::format("r{}", i)) == theirs) continue;
    ++wrong;
    fmt::print("{} for{}; libsinsp {}: {}\n", batch.conditions[i].ours, Shown(facts), theirs ? "matches" : "does not",
               batch.conditions[i].theirs);
  }
  return wrong;
}

int Run(size_t pairs, uint64_t seed) {
  oracle::Generator generator(seed);
  size_t done = 0, matched = 0, wrong = 0;
  while (done < pairs && wrong < kMaxShown) {
    Batch batch = MakeBatch(generator);
    for (size_t i = 0; i < kEvents && wrong < kMaxShown; ++i, done += kRules)
      wrong += Compare(batch, generator.MakeFacts(), matched);
  }
  fmt::print("oracle: {} pairs of a condition and an event compared with libsinsp, {} match, {} disagree (seed {})\n",
             done, matched, wrong, seed);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000,
               argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  } catch (const std::exception& e) {
    fmt::print(stderr, "oracle: {}\n", e.what());
    return 2;
  }
}
