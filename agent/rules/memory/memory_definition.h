// Rules with memory as the YAML says them: figures are checked, names are not looked up yet.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "agent/rules/list_item.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

struct StepDefinition {
  bool negated = false;  // `not:`, nothing like it between the steps around it
  MappedText condition;
};

struct SequenceDefinition {
  static constexpr size_t kMaxSteps = 32;  // one bit each
  int64_t within_ns = 0;
  std::vector<StepDefinition> steps;  // the first and the last are not negated
};

struct AggregateDefinition {
  enum class Of : uint8_t { kCount, kRate, kSum, kDistinct };
  Of of = Of::kCount;
  ListItem field;  // kSum, kDistinct
  int64_t window_ns = 0;
  MappedText over;
};

struct BaselineDefinition {
  enum class Alert : uint8_t { kUnseen, kAbove };
  ListItem of;
  int64_t learn_ns = 0;
  Alert alert = Alert::kUnseen;
  double times = 1;  // kAbove
};

struct MemoryDefinition {
  Place place;
  std::vector<ListItem> by;
  std::variant<SequenceDefinition, AggregateDefinition, BaselineDefinition> what;
};

}  // namespace tensorwarden::rules
