// Fields that have few values, all of them known: for documentation, and to find misspelt ones in rules.
#pragma once

#include <string_view>
#include <vector>

namespace tensorwarden {

struct FieldValues {
  std::vector<std::string_view> known;  // in the order of their definition, each once
  bool open = false;                    // a config can make others
};

// nullptr of a field whose values are not known beforehand.
const FieldValues* KnownValues(std::string_view field);

}  // namespace tensorwarden
