#include "agent/author/coverage.h"

#include <map>
#include <set>

namespace tensorwarden::author {
namespace {

constexpr std::string_view kSchemes[] = {"atlas", "attack", "owasp", "rand", "requirement"};

// "AML.T0024" of "AML.T0024.002"; "" of a technique.
std::string_view ParentOf(std::string_view id) {
  const size_t dot = id.rfind('.');
  return dot != std::string_view::npos && id.find('.') != dot ? id.substr(0, dot) : std::string_view();
}

}  // namespace

Coverage CoverageOf(const RuleBook& book) {
  Coverage coverage;
  std::set<std::string_view> covered;
  for (const std::string_view scheme : kSchemes) {
    std::map<std::string, std::vector<const BookRule*>> rules;
    for (const BookRule& rule : book.rules()) {
      for (const std::string& tag : rule.definition->text.tags) {
        if (!tag.starts_with(scheme) || tag.size() <= scheme.size() || tag[scheme.size()] != ':') continue;
        rules[tag.substr(scheme.size() + 1)].push_back(&rule);
      }
    }
    CoverageSection section{.scheme = std::string(scheme), .rows = {}};
    for (auto& [tag, of_tag] : rules) {
      const Technique* technique = scheme == "atlas" ? FindTechnique(tag) : nullptr;
      if (scheme == "atlas" && technique == nullptr) coverage.unknown.push_back(tag);
      for (const BookRule* rule : of_tag) {
        if (technique == nullptr || !rule->enabled) continue;
        covered.insert(technique->id);
        covered.insert(ParentOf(technique->id));
      }
      section.rows.push_back({tag, technique == nullptr ? "" : std::string(technique->name), std::move(of_tag)});
    }
    coverage.sections.push_back(std::move(section));
  }
  for (const Technique& technique : AtlasTechniques()) {
    if (technique.observable == Observable::kNo) continue;
    ++coverage.observable;
    if (!covered.contains(technique.id)) coverage.gaps.push_back(&technique);
  }
  return coverage;
}

}  // namespace tensorwarden::author
