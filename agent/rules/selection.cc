#include "agent/rules/selection.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/enrich/nearest.h"
#include "agent/rules/condition/literal.h"

namespace tensorwarden {
namespace rules {
namespace {

constexpr std::string_view kTagPrefix = "tag:";

bool Fits(const RuleSwitch& one, const RuleDefinition& rule) {
  const std::vector<std::string>& tags = rule.text.tags;
  const bool named = one.name.empty() || GlobMatch(one.name, rule.text.name);
  return named && (one.tag.empty() || std::any_of(tags.begin(), tags.end(),
                                                  [&](const std::string& tag) { return GlobMatch(one.tag, tag); }));
}

std::vector<std::string_view> Names(const Definitions& definitions) {
  std::vector<std::string_view> names;
  for (const RuleDefinition& rule : definitions.rules()) names.emplace_back(rule.text.name);
  return names;
}

std::vector<std::string_view> Tags(const Definitions& definitions) {
  std::vector<std::string_view> tags;
  for (const RuleDefinition& rule : definitions.rules())
    tags.insert(tags.end(), rule.text.tags.begin(), rule.text.tags.end());
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

}  // namespace

bool IsSelected(const RuleDefinition& rule, const RuleOptions& options) {
  bool selected = rule.enabled;
  for (const RuleSwitch& one : options.switches) {
    if (Fits(one, rule)) selected = one.enable;
  }
  return selected && rule.text.priority <= options.minimum;
}

void WarnOfIdleSwitches(const Definitions& definitions, const RuleOptions& options, Diagnostics& diagnostics) {
  for (const RuleSwitch& one : options.switches) {
    const auto fits = [&](const RuleDefinition& rule) { return Fits(one, rule); };
    if (std::any_of(definitions.rules().begin(), definitions.rules().end(), fits)) continue;
    const bool by_tag = !one.tag.empty();
    const std::string& wanted = by_tag ? one.tag : one.name;
    const std::vector<std::string_view> known = by_tag ? Tags(definitions) : Names(definitions);
    diagnostics.Warning(
        {.path = one.path,
         .line = one.line,
         .column = one.column,
         .message = fmt::format("no rule has the {} '{}', so nothing is switched {}{}", by_tag ? "tag" : "name",
                                Printable(wanted), one.enable ? "on" : "off", DidYouMean(NearestNames(wanted, known))),
         .error = false});
  }
}

}  // namespace rules

absl::StatusOr<RuleSwitch> ParseRuleSwitch(std::string_view text, bool enable) {
  RuleSwitch one{.enable = enable};
  const bool by_tag = text.substr(0, rules::kTagPrefix.size()) == rules::kTagPrefix;
  (by_tag ? one.tag : one.name) = std::string(by_tag ? text.substr(rules::kTagPrefix.size()) : text);
  if (one.tag.empty() && one.name.empty()) {
    return absl::InvalidArgumentError(by_tag ? "'tag:' needs a tag, as in tag:egress"
                                             : "needs the name of a rule, or a tag as in tag:egress");
  }
  return one;
}

}  // namespace tensorwarden
