// MITRE ATLAS techniques, and what a host can see of each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tensorwarden::author {

inline constexpr std::string_view kAtlasVersion = "5.6.0";

enum class Observable : uint8_t { kNo, kPartial, kYes };

struct Technique {
  std::string_view id;      // AML.T0025, of a sub-technique AML.T0024.002
  std::string_view name;    // of a sub-technique with that of its parent before
  std::string_view tactic;  // the first one
  Observable observable;
  std::string_view what;  // there is to see, or why there is nothing
};

std::span<const Technique> AtlasTechniques();
// nullptr when there is none.
const Technique* FindTechnique(std::string_view id);

}  // namespace tensorwarden::author
