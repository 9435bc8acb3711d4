// What a condition cannot hold without: by this the index finds the rules that an event could match.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "agent/rules/condition/program.h"
#include "agent/rules/condition/type_checker.h"

namespace tensorwarden::rules {

// The value of the field in `slot` fits the key, or an element of it does where the field is a list.
struct AnchorKey {
  enum class How : uint8_t { kEqual, kPrefix, kSuffix, kSubstring, kNumber, kNetwork };
  uint32_t slot = 0;
  How how = How::kEqual;
  std::string_view text;             // kEqual to kSubstring; of kSubstring the case of ASCII letters does not matter
  double number = 0;                 // kNumber; of a flag 0 or 1
  const Network* network = nullptr;  // kNetwork
  bool operator==(const AnchorKey&) const = default;
};

// One of the keys fits.
struct Anchor {
  std::vector<AnchorKey> keys;  // never empty
};

// Shorter ones are in too many texts to be keys.
inline constexpr size_t kMinSubstring = 4;

// What a look for the anchor's keys costs for every event that could match, as so many rules that share a key.
size_t LookupCost(const Anchor& anchor, const SlotTable& slots);

// All anchors of the condition; none when it could hold whatever its values are. They live as long as `program`.
std::vector<Anchor> FindAnchors(const TypeChecker& checker, const TypedCondition& condition, const Program& program);

}  // namespace tensorwarden::rules
