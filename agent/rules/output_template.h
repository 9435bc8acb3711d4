// A rule's output: text with %field, %field[argument] and %function(...); "%%" is a percent sign. A '%' that no letter
// follows stands for itself ("1% of"). A leading '*', which Falco knows, changes nothing: a missing value never drops
// an alert, it prints as <NA>.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/rules/condition/slot.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

class OutputTemplate {
 public:
  static constexpr size_t kMaxBytes = 16 << 10;
  static constexpr size_t kMaxFields = 64;
  static constexpr size_t kMaxValueBytes = 4096;  // of one value as printed; longer ones are cut, with "..."

  // nullopt after an error, which starts with `subject`. With `tolerates_unknown`, a field that is not known is a
  // warning, and the result nullopt too.
  static std::optional<OutputTemplate> Parse(const std::string& subject, const MappedText& mapped, SlotTable& slots,
                                             Diagnostics& diagnostics, bool tolerates_unknown = false);

  // `fields` gets each field once, in order of appearance.
  std::string Fill(const SlotTable& slots, FieldCache& cache,
                   std::vector<std::pair<std::string, std::string>>& fields) const;

  // Name as written and slot of each, in order of appearance.
  std::vector<std::pair<std::string, uint32_t>> Fields() const {
    std::vector<std::pair<std::string, uint32_t>> fields;
    for (const Part& part : parts_) {
      if (part.slot) fields.emplace_back(part.name, *part.slot);
    }
    return fields;
  }

 private:
  struct Part {
    std::string before;  // literal text
    std::optional<uint32_t> slot;
    std::string name;  // as written, without '%'
  };
  std::vector<Part> parts_;  // the last may have no field
};

}  // namespace tensorwarden::rules
