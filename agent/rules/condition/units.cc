#include "agent/rules/condition/units.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

using Of = Quantity::Of;

struct FieldUnit {
  std::string_view field;
  std::optional<Of> of;  // nullopt: any
};

// All others are plain numbers, or times in nanoseconds.
constexpr FieldUnit kFieldUnits[] = {
    {"asset.size", Of::kBytes},          {"asset.set.size", Of::kBytes},
    {"egress.bytes", Of::kBytes},        {"egress.delta", Of::kBytes},
    {"egress.volume", Of::kBytes},       {"file.bytes", Of::kBytes},
    {"gpu.bytes", Of::kBytes},           {"http.content_length", Of::kBytes},
    {"proc.cmdlenargs", Of::kBytes},     {"egress.share", Of::kShare},
    {"file.share", Of::kShare},          {"finding.score", Of::kShare},
    {"finding.share", Of::kShare},       {"agent.blind", Of::kSeconds},
    {"finding.value", std::nullopt},      // finding.unit says which
    {"finding.threshold", std::nullopt},  //
    {"host.value", std::nullopt},         // evt.op says which
    {"host.former", std::nullopt},        //
};

std::optional<Of> UnitOf(const Slot& slot) {
  // len() is the only function with a number: bytes of a text, elements of a list.
  if (slot.field == nullptr) return Of::kBytes;
  if (slot.field->AlwaysEmpty()) return std::nullopt;
  if (slot.field->content == FieldContent::kNanoseconds) return Of::kSeconds;
  for (const FieldUnit& unit : kFieldUnits) {
    if (unit.field == slot.field->name) return unit.of;
  }
  return Of::kPlain;
}

const char* NameOf(Of of) {
  switch (of) {
    case Of::kPlain:
      return "a plain number";
    case Of::kShare:
      return "a share";
    case Of::kBytes:
      return "a size";
    case Of::kSeconds:
      return "a time";
  }
  return "";
}

}  // namespace

std::string WhyNoValue(const Quantity& quantity, const std::string& text, const Slot& slot) {
  const std::optional<Of> unit = UnitOf(slot);
  if (quantity.of == Of::kPlain || !unit || *unit == quantity.of) return "";
  return fmt::format("'{}' is {}, and {} '{}' is {}", Printable(text), NameOf(quantity.of),
                     slot.field != nullptr ? "field" : "function", Printable(slot.name), NameOf(*unit));
}

}  // namespace tensorwarden::rules
