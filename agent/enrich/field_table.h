// The table of fields that rules, outputs and alerts can name. One row each; nothing else knows field names.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/enrich/enriched_event.h"

namespace tensorwarden {

enum class FieldType : uint8_t { kBool, kNumber, kString, kStringList };

// monostate: the event has no such fact. Views live as long as the EnrichedEvent and `FieldScratch`.
using FieldValue = std::variant<std::monostate, bool, double, std::string_view, std::vector<std::string_view>>;

// Holds strings that an accessor had to build. Reused between events: Clear() keeps what was allocated.
struct FieldScratch {
  std::deque<std::string> strings;  // a deque, because views into it must survive growth
  size_t used = 0;

  // The view lives until the next Clear().
  std::string_view Keep(std::string_view text);
  void Clear() { used = 0; }
};

struct FieldSpec {
  std::string_view name;
  FieldType type;
  bool takes_argument;   // proc.aname[2]
  uint64_t kinds;        // bit set of event variant indexes that can fill it; ~0 = any
  std::string_view doc;  // one sentence, with the unit
  FieldValue (*get)(const EnrichedEvent& event, std::string_view argument, FieldScratch& scratch);
};

std::span<const FieldSpec> FieldTable();
// nullptr when there is none.
const FieldSpec* FindField(std::string_view name);
// Up to three names nearest to `name`, best first; for error messages.
std::vector<std::string_view> NearestFields(std::string_view name);
// As text for outputs: "<NA>" when absent, lists joined by ",".
std::string FieldText(const FieldValue& value);

}  // namespace tensorwarden
