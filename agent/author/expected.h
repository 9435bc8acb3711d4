// What a test expects, against what was seen.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/alert/alert.h"
#include "agent/author/test_run.h"
#include "agent/enrich/enriched_event.h"
#include "agent/rules/condition/slot.h"

namespace tensorwarden::author {

// Values of the fields that expectations name, which need not be in any output.
class ExpectedFields {
 public:
  explicit ExpectedFields(const std::vector<Expectation>& expect) : expect_(expect) {}

  // False after an error: a field that there is not.
  bool Resolve(rules::Diagnostics& diagnostics);
  // Keeps the values for the alert that `detection` may become.
  void See(const EnrichedEvent& event, const Detection& detection);
  std::vector<std::pair<std::string, std::string>> Of(const Alert& alert) const;

 private:
  struct Kept {
    std::string rule;
    std::string output;
    uint64_t seq;
    std::vector<std::pair<std::string, std::string>> fields;
  };

  const std::vector<Expectation>& expect_;
  rules::SlotTable slots_;
  std::vector<std::pair<std::string, uint32_t>> wanted_;  // name as written, slot
  rules::FieldCache cache_;
  std::vector<Kept> kept_;
};

// One line each, what is missing first; empty when all is as expected.
std::vector<std::string> Differences(const TestCase& test, const std::vector<SeenAlert>& seen);

}  // namespace tensorwarden::author
