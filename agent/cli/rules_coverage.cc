#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "agent/author/coverage.h"
#include "agent/base/text_escape.h"
#include "agent/cli/common.h"
#include "agent/cli/rules_verbs.h"

namespace tensorwarden {
namespace {

using author::BookRule;
using author::Coverage;
using author::CoverageRow;
using author::CoverageSection;
using author::Technique;
using nlohmann::ordered_json;

const char* ObservableText(const Technique& technique) {
  return technique.observable == author::Observable::kYes ? "yes" : "partial";
}

ordered_json ToJson(const Coverage& coverage) {
  ordered_json out = {{"atlas_version", std::string(author::kAtlasVersion)},
                      {"atlas_observable", coverage.observable},
                      {"atlas_unknown", coverage.unknown}};
  out["atlas_gaps"] = ordered_json::array();
  for (const Technique* gap : coverage.gaps) {
    out["atlas_gaps"].push_back({{"id", std::string(gap->id)},
                                 {"name", std::string(gap->name)},
                                 {"tactic", std::string(gap->tactic)},
                                 {"observable", ObservableText(*gap)},
                                 {"what", std::string(gap->what)}});
  }
  for (const CoverageSection& section : coverage.sections) {
    ordered_json& rows = out[section.scheme] = ordered_json::array();
    for (const CoverageRow& row : section.rows) {
      ordered_json line = {{"id", row.tag}};
      if (!row.name.empty()) line["name"] = row.name;
      line["rules"] = ordered_json::array();
      for (const BookRule* rule : row.rules) {
        line["rules"].push_back({{"name", rule->definition->text.name}, {"enabled", rule->enabled}});
      }
      rows.push_back(std::move(line));
    }
  }
  return out;
}

void PrintText(const Coverage& coverage) {
  for (const CoverageSection& section : coverage.sections) {
    if (section.rows.empty()) continue;
    fmt::print("{}\n", section.scheme);
    for (const CoverageRow& row : section.rows) {
      fmt::print("  {}{}{}\n", ToPrintable(row.tag), row.name.empty() ? "" : "  ", row.name);
      for (const BookRule* rule : row.rules) {
        fmt::print("      {}{}\n", ToPrintable(rule->definition->text.name), rule->enabled ? "" : " (off)");
      }
    }
  }
  if (!coverage.unknown.empty()) {
    fmt::print("not in ATLAS {}: {}\n", author::kAtlasVersion,
               ToPrintable(fmt::format("{}", fmt::join(coverage.unknown, ", "))));
  }
  fmt::print("without a rule, of what a host can see\n");
  for (const Technique* gap : coverage.gaps) {
    fmt::print("  {:<14} {:<8} {} ({}): {}\n", gap->id, ObservableText(*gap), gap->name, gap->tactic, gap->what);
  }
  const size_t answered = coverage.observable - coverage.gaps.size();
  fmt::print("{} of the {} ATLAS techniques that a host can see at least in part have a rule that is on\n", answered,
             coverage.observable);
}

int RunCoverage(const RulesFlags& flags) {
  const absl::StatusOr<std::unique_ptr<author::RuleBook>> book = BookFromFlags(flags);
  if (!book.ok()) return Fail(book.status());
  const Coverage coverage = author::CoverageOf(**book);
  flags.json ? PrintJson(ToJson(coverage)) : PrintText(coverage);
  return 0;
}

}  // namespace

void AddRulesCoverage(CLI::App& rules, Action& action) {
  auto flags = std::make_shared<RulesFlags>();
  CLI::App* verb = rules.add_subcommand("coverage", "Techniques and requirements, the rules for them, and the gaps");
  AddRulesFlags(*verb, *flags);
  verb->callback([flags, &action] { action = [flags] { return RunCoverage(*flags); }; });
}

}  // namespace tensorwarden
