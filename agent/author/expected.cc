#include "agent/author/expected.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/condition/literal.h"
#include "agent/rules/condition/operand_resolver.h"

namespace tensorwarden::author {
namespace {

constexpr size_t kMaxKept = 100'000;  // detections of one test

using Fields = std::vector<std::pair<std::string, std::string>>;

// "1%" is 0.01, "1GiB" the number of its bytes.
bool SameValue(const std::string& expected, const std::string& seen) {
  if (expected == seen) return true;
  const std::optional<double> a = rules::ParseNumber(expected);
  const std::optional<double> b = rules::ParseNumber(seen);
  return a && b && *a == *b;
}

const std::string* Find(const Fields& fields, const std::string& name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return &value;
  }
  return nullptr;
}

// What of `expectation` the alert is not; empty when it is all of it.
std::vector<std::string> Misses(const Expectation& expectation, const SeenAlert& seen) {
  std::vector<std::string> misses;
  const auto compare = [&](const char* what, const std::string& expected, const std::string& found) {
    if (!expected.empty() && expected != found)
      misses.push_back(fmt::format("{}: want '{}', is '{}'", what, expected, found));
  };
  compare("activity", expectation.activity.empty() ? "open" : expectation.activity, seen.activity);
  compare("priority", expectation.priority, seen.priority);
  compare("stage", expectation.stage, seen.stage);
  compare("output", expectation.output, seen.output);
  for (const auto& [name, expected] : expectation.fields) {
    const std::string* found = Find(seen.fields, name);
    const std::string shown = found == nullptr ? "<NA>" : *found;
    if (!SameValue(expected, shown)) misses.push_back(fmt::format("{}: want '{}', is '{}'", name, expected, shown));
  }
  return misses;
}

std::string Shown(const SeenAlert& alert) {
  return fmt::format("{} ({}, event {}, at {:.6g}s): {}", alert.rule, alert.activity, alert.event, alert.at_s,
                     alert.output);
}

std::string Shown(const Expectation& expectation) {
  std::string text = expectation.rule;
  for (const auto& [name, value] : expectation.fields) text += fmt::format(" {}={}", name, value);
  return text;
}

}  // namespace

bool ExpectedFields::Resolve(rules::Diagnostics& diagnostics) {
  for (const Expectation& expectation : expect_) {
    for (const auto& [name, value] : expectation.fields) {
      rules::LexError error;
      rules::ResolveError unresolved;
      size_t taken = 0;
      const auto operand = rules::ParseOperand(name, taken, error);
      const auto slot =
          operand && taken == name.size() ? rules::ResolveOperand(*operand, slots_, unresolved) : std::nullopt;
      if (!slot) {
        const std::string& why = operand ? unresolved.message : error.message;
        diagnostics.Error(expectation.place,
                          why.empty() ? fmt::format("'{}' is no field", rules::Printable(name)) : why);
        return false;
      }
      wanted_.emplace_back(name, *slot);
    }
  }
  return true;
}

void ExpectedFields::See(const EnrichedEvent& event, const Detection& detection) {
  if (wanted_.empty() || kept_.size() == kMaxKept) return;
  Kept kept{.rule = detection.rule->name, .output = detection.output, .seq = event.event->seq, .fields = {}};
  cache_.Reset(event, slots_.size());
  for (const auto& [name, slot] : wanted_) {
    if (Find(kept.fields, name) == nullptr) kept.fields.emplace_back(name, FieldText(cache_.Get(slots_, slot)));
  }
  kept_.push_back(std::move(kept));
}

Fields ExpectedFields::Of(const Alert& alert) const {
  const auto same = [&](const Kept& kept) {
    return kept.seq == alert.cause_seq && kept.rule == alert.rule && kept.output == alert.output;
  };
  const auto at = std::find_if(kept_.rbegin(), kept_.rend(), same);
  return at == kept_.rend() ? alert.output_fields : at->fields;
}

std::vector<std::string> Differences(const TestCase& test, const std::vector<SeenAlert>& seen) {
  // Updates and closes count only where the test speaks of them, other rules only where it names no rule.
  const bool all_activities =
      std::any_of(test.expect.begin(), test.expect.end(), [](const Expectation& e) { return !e.activity.empty(); });
  const std::vector<std::string> named = test.RuleNames();
  std::vector<const SeenAlert*> left;
  for (const SeenAlert& alert : seen) {
    const bool is_named = std::find(named.begin(), named.end(), alert.rule) != named.end();
    if ((all_activities || alert.activity == "open") && (test.rule.empty() || is_named)) left.push_back(&alert);
  }
  std::vector<std::string> missing;
  for (const Expectation& expectation : test.expect) {
    const auto fits = [&](const SeenAlert* alert) {
      return alert->rule == expectation.rule && Misses(expectation, *alert).empty();
    };
    if (const auto at = std::find_if(left.begin(), left.end(), fits); at != left.end()) {
      left.erase(at);
      continue;
    }
    missing.push_back("- missing: " + Shown(expectation));
    const auto near =
        std::find_if(left.begin(), left.end(), [&](const SeenAlert* alert) { return alert->rule == expectation.rule; });
    if (near == left.end()) continue;
    for (const std::string& miss : Misses(expectation, **near)) missing.push_back("    " + miss);
    left.erase(near);
  }
  for (const SeenAlert* alert : left) missing.push_back("+ not expected: " + Shown(*alert));
  return missing;
}

}  // namespace tensorwarden::author
