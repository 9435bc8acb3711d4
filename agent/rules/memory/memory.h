// What a rule remembers between events, and when that makes it fire.
#pragma once

#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/base/state_codec.h"
#include "agent/rules/condition/slot.h"
#include "agent/rules/ruleset.h"

namespace tensorwarden::rules {

// Values and keys are kept as hashes: equal in size whatever their length, and a saved state holds no path.
struct ValueHash {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const ValueHash&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const ValueHash& v) {
    return H::combine(std::move(h), v.high, v.low);
  }
};

// Of one value; nullopt when there is none: missing, an unknown number, an empty list.
std::optional<ValueHash> HashOf(const FieldValue& value);
// Of the values of several fields; nullopt when one of them has none.
std::optional<ValueHash> HashOf(const std::vector<uint32_t>& fields, const SlotTable& slots, FieldCache& cache);
// Calls `visit` with the hash and the text of each element; of what is no list, of the value itself.
template <typename Visit>
void VisitValues(const FieldValue& value, Visit visit) {
  const auto one = [&](const FieldValue& element) {
    if (const std::optional<ValueHash> hash = HashOf(element)) visit(*hash, element);
  };
  if (const auto* texts = std::get_if<std::vector<std::string_view>>(&value)) {
    for (const std::string_view text : *texts) one(text);
  } else if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
    for (const double number : *numbers) one(number);
  } else {
    one(value);
  }
}

void Save(StateWriter& writer, const ValueHash& hash);
ValueHash RestoreHash(StateReader& reader);

// Times are CLOCK_BOOTTIME of the events, in ns. Signed: what an earlier boot learned began before this one.
inline constexpr int64_t kMaxTime = int64_t{1} << 61;  // sums of three do not overflow
inline int64_t BoundedTime(int64_t ns) { return std::clamp(ns, -kMaxTime, kMaxTime); }
void SaveTime(StateWriter& writer, int64_t ns);
int64_t RestoreTime(StateReader& reader);

// "5m", for sentences.
std::string TimeText(int64_t ns);
// "12" or "0.5".
std::string NumberText(double value);

class RuleMemory {
 public:
  virtual ~RuleMemory() = default;

  // `hits`: bit i is set when condition i of the rule holds for the event in `cache`; at least one does. `key`: of the
  // event's by-fields. `now_ns` never falls. Returns a sentence with the figures when the rule fires.
  virtual std::optional<std::string> Take(uint32_t hits, const ValueHash& key, const SlotTable& slots,
                                          FieldCache& cache, int64_t now_ns) = 0;

  // What was learned is worth keeping when the host was started anew; windows are not, their processes are gone.
  virtual bool OutlivesBoot() const { return false; }
  // Writes the keys used last first, and ends when the writer has `max_bytes`. Returns how many keys it left out.
  virtual size_t Save(StateWriter& writer, size_t max_bytes) const = 0;
  // Adds `shift_ns` to every time. False when the state is broken; then nothing is remembered.
  virtual bool Restore(StateReader& reader, int64_t shift_ns) = 0;

  // Goes on where `former`, which is then empty, has come to. Its definition must be the same, its slots may be others.
  virtual void TakeOver(RuleMemory& former) = 0;
  virtual void Clear() = 0;

  // Name and `unsaved` are the caller's.
  virtual RuleMemoryStats Stats() const = 0;
};

}  // namespace tensorwarden::rules
