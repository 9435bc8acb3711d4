// "Did you mean": names close to one that is not known.
#pragma once

#include <string_view>
#include <vector>

namespace tensorwarden {

// Up to three of `names`, best first: within a third of the length in edits, or starting with it.
// Only the first 64 bytes of a name are compared.
std::vector<std::string_view> NearestNames(std::string_view wanted, const std::vector<std::string_view>& names);

}  // namespace tensorwarden
