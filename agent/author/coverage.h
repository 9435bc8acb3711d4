// Which rules answer to which technique or requirement, by their tags.
#pragma once

#include <string>
#include <vector>

#include "agent/author/atlas.h"
#include "agent/author/rule_book.h"

namespace tensorwarden::author {

struct CoverageRow {
  std::string tag;                     // without its scheme: "AML.T0025", "model-exfiltration"
  std::string name;                    // "" not known
  std::vector<const BookRule*> rules;  // in file order, those that are off too
};

struct CoverageSection {
  std::string scheme;  // atlas, attack, owasp, rand, requirement
  std::vector<CoverageRow> rows;
};

struct Coverage {
  std::vector<CoverageSection> sections;
  std::vector<std::string> unknown;  // atlas tags that name no technique
  // Techniques that a host sees, at least in part, and that no rule that is on, nor one of a sub-technique, is tagged
  // with.
  std::vector<const Technique*> gaps;
  size_t observable = 0;  // techniques that a host sees, at least in part
};

Coverage CoverageOf(const RuleBook& book);

}  // namespace tensorwarden::author
