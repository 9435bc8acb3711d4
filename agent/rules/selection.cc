#include "agent/rules/selection.h"

#include <algorithm>

#include "agent/rules/condition/literal.h"

namespace tensorwarden::rules {

bool IsSelected(const RuleDefinition& rule, const RuleOptions& options) {
  bool selected = rule.enabled;
  for (const RuleSwitch& one : options.switches) {
    const std::vector<std::string>& tags = rule.text.tags;
    const bool named = one.name.empty() || GlobMatch(one.name, rule.text.name);
    const bool tagged = one.tag.empty() || std::find(tags.begin(), tags.end(), one.tag) != tags.end();
    if (named && tagged) selected = one.enable;
  }
  return selected && rule.text.priority <= options.minimum;
}

}  // namespace tensorwarden::rules
