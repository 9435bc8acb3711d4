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

enum class FieldType : uint8_t { kBool, kNumber, kString, kStringList, kNumberList };

// monostate: the event has no such fact. Views live as long as the EnrichedEvent and `FieldScratch`.
using FieldValue =
    std::variant<std::monostate, bool, double, std::string_view, std::vector<std::string_view>, std::vector<double>>;

// Holds strings that an accessor had to build. Reused between events: Clear() keeps what was allocated.
struct FieldScratch {
  std::deque<std::string> strings;  // a deque, because views into it must survive growth
  size_t used = 0;

  // The view lives until the next Clear().
  std::string_view Keep(std::string_view text);
  void Clear() { used = 0; }
};

// What stands in "[...]" behind the name, when the field takes an argument.
enum class FieldArgument : uint8_t {
  kIndex,   // optional number, 0 to 31: proc.aname[2]
  kText,    // optional text: proc.env[HOME]
  kMember,  // needed, and may also follow a dot: evt.arg.flags, evt.arg[flags]
};

// What a value means beyond its type; decides how literals are read.
enum class FieldContent : uint8_t {
  kPlain,
  kAddress,      // IP address: literals are checked and normalised, and may be networks (10.0.0.0/8)
  kNanoseconds,  // 5s is 5e9
  kAtLeastZero,  // what a call returned: known to be no error, NaN where the number itself is not known
  kConstant,     // the same for every event
};

struct FieldSpec {
  std::string_view name;
  FieldType type;
  bool takes_argument;   // proc.aname[2]
  uint64_t kinds;        // bit set of event variant indexes that can fill it; 0 = none: see AlwaysEmpty()
  std::string_view doc;  // one sentence, with the unit
  FieldValue (*get)(const EnrichedEvent& event, std::string_view argument, FieldScratch& scratch);
  FieldArgument argument = FieldArgument::kIndex;
  FieldContent content = FieldContent::kPlain;
  uint64_t (*kinds_of_member)(std::string_view member) = nullptr;  // of kMember, where it differs: a subset of `kinds`

  // Falco has the field, our events never do: "exists" and every comparison are false.
  bool AlwaysEmpty() const { return kinds == 0; }
  // Of `kinds` those that can fill it with this argument.
  uint64_t KindsWith(std::string_view argument_text) const;
};

std::span<const FieldSpec> FieldTable();
// nullptr when there is none.
const FieldSpec* FindField(std::string_view name);
// The same, where `name` may have a member behind the field's own name: "evt.arg.flags" is evt.arg, with `member`
// "flags".
const FieldSpec* FindFieldOrMember(std::string_view name, std::string_view& member);
// Up to three names nearest to `name`, best first; for error messages.
std::vector<std::string_view> NearestFields(std::string_view name);
// As text for outputs: "<NA>" when absent, lists joined by ",".
std::string FieldText(const FieldValue& value);

}  // namespace tensorwarden
