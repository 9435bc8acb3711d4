#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "agent/author/kind_service.h"
#include "agent/author/lint.h"
#include "agent/base/text_escape.h"
#include "agent/cli/common.h"
#include "agent/cli/rules_verbs.h"
#include "agent/cli/sarif.h"

namespace tensorwarden {
namespace {

using author::BookRule;
using author::CheckReport;
using author::KindService;
using author::Remark;
using nlohmann::ordered_json;

struct CheckFlags : RulesFlags {
  bool sarif = false;
  bool strict = false;
};

const char* LevelOf(const Remark& remark) { return remark.problem.error ? "error" : "warning"; }

ordered_json ToJson(const Remark& remark) {
  const RuleProblem& problem = remark.problem;
  return {{"id", std::string(remark.id)}, {"level", LevelOf(remark)}, {"path", problem.path},
          {"line", problem.line},         {"column", problem.column}, {"message", problem.message}};
}

ordered_json ServicesJson(KindSet kinds) {
  ordered_json services = ordered_json::array();
  for (const KindService& service : author::ServicesOf(kinds)) {
    services.push_back({{"kind", std::string(service.kind)},
                        {"when", std::string(service.when)},
                        {"tiers", service.tiers},
                        {"on_demand", service.on_demand}});
  }
  return services;
}

ordered_json ToJson(const BookRule& rule) {
  return {{"name", rule.definition->text.name},
          {"enabled", rule.enabled},
          {"path", rule.definition->text.file},
          {"line", rule.definition->text.line},
          {"served_by", ServicesJson(rule.kinds())}};
}

ordered_json ToJson(const CheckReport& report, const author::RuleBook& book) {
  ordered_json out = {{"errors", report.errors}, {"warnings", report.warnings}};
  out["remarks"] = ordered_json::array();
  for (const Remark& remark : report.remarks) out["remarks"].push_back(ToJson(remark));
  out["rules"] = ordered_json::array();
  for (const BookRule& rule : book.rules()) out["rules"].push_back(ToJson(rule));
  return out;
}

ordered_json ToSarif(const CheckReport& report) {
  std::vector<SarifRule> rules;
  for (const author::LintRow& row : author::LintTable()) rules.push_back({std::string(row.id), std::string(row.text)});
  std::vector<SarifResult> results;
  for (const Remark& remark : report.remarks) {
    results.push_back({.rule = std::string(remark.id),
                       .level = LevelOf(remark),
                       .message = remark.problem.message,
                       .path = remark.problem.path,
                       .line = remark.problem.line,
                       .column = remark.problem.column});
  }
  return SarifDocument(rules, results);
}

// What always runs costs a rule nothing more; what is attached for it does.
void PrintDemands(const author::RuleBook& book) {
  std::map<std::string, std::pair<KindService, std::vector<std::string>>> demands;
  for (const BookRule& rule : book.rules()) {
    if (!rule.enabled) continue;
    for (const KindService& service : author::ServicesOf(rule.kinds())) {
      if (!service.on_demand) continue;
      auto& [known, rules] =
          demands.try_emplace(std::string(service.kind), service, std::vector<std::string>{}).first->second;
      rules.push_back(rule.definition->text.name);
    }
  }
  for (const auto& [kind, demand] : demands) {
    const auto& [service, rules] = demand;
    fmt::print("asked for by '{}'{}: {}: {} ({} tier)\n", ToPrintable(rules.front()),
               rules.size() == 1 ? "" : fmt::format(" and {} more", rules.size() - 1), kind, service.note,
               fmt::join(service.tiers, ", else "));
  }
}

void PrintText(const CheckReport& report, const author::RuleBook& book) {
  for (const Remark& remark : report.remarks) {
    RuleProblem problem = remark.problem;
    problem.message = fmt::format("{}: {} [{}]", LevelOf(remark), problem.message, remark.id);
    fmt::print("{}\n", ProblemWithCaret(problem));
  }
  PrintDemands(book);
  const auto enabled =
      std::count_if(book.rules().begin(), book.rules().end(), [](const BookRule& rule) { return rule.enabled; });
  fmt::print("{} rules ({} enabled), {} macros, {} lists: {} errors, {} warnings\n", book.rules().size(), enabled,
             book.definitions().macros().size(), book.definitions().lists().size(), report.errors, report.warnings);
}

int RunRulesCheck(const CheckFlags& flags) {
  const absl::StatusOr<RuleInputs> inputs = InputsFromFlags(flags);
  if (!inputs.ok()) {
    Fail(inputs.status());
    return kUsage;
  }
  RuleOptions options = inputs->options;
  options.now_ns = absl::ToUnixNanos(absl::Now());
  author::RuleBook book(inputs->files, options);
  const CheckReport report = author::CheckRules(inputs->files, book, options);
  if (flags.sarif) {
    PrintJson(ToSarif(report));
  } else if (flags.json) {
    PrintJson(ToJson(report, book));
  } else {
    PrintText(report, book);
  }
  return report.errors > 0 || (flags.strict && report.warnings > 0) ? 1 : 0;
}

}  // namespace

void AddRulesCheck(CLI::App& rules, Action& action) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* verb = rules.add_subcommand("check", "Errors and odd things in rule files");
  AddRulesFlags(*verb, *flags);
  verb->add_flag("--sarif", flags->sarif, "One SARIF 2.1.0 document, for code hosts and editors");
  verb->add_flag("--strict", flags->strict, "Warnings make the exit status 1 too");
  verb->callback([flags, &action] { action = [flags] { return RunRulesCheck(*flags); }; });
}

}  // namespace tensorwarden
