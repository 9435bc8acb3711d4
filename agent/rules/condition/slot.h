// A field or function as some condition or output uses it; its value is worked out at most once per event.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "agent/enrich/field_table.h"
#include "agent/enrich/kinds.h"
#include "agent/rules/condition/transform.h"

namespace tensorwarden::rules {

struct SlotArgument {
  bool is_text = false;
  uint32_t index = 0;  // of a text, else of a slot
};

struct Slot {
  const FieldSpec* field = nullptr;  // nullptr of a function
  std::string argument;
  Function function = Function::kNone;
  std::vector<SlotArgument> arguments;
  FieldType type = FieldType::kString;
  KindSet kinds = kAllKinds;  // events of other kinds have no such value
  std::string name;           // as written, normalised
};

// All slots of a program, and the texts that they and its tests compare with; what is equal is kept once.
class SlotTable {
 public:
  uint32_t AddField(const FieldSpec& field, const std::string& argument);
  // `option`: "[...]" behind the function.
  uint32_t AddFunction(Function function, std::string_view name, std::vector<SlotArgument> arguments,
                       const std::string& option, FieldType type);
  uint32_t AddText(const std::string& text);

  const Slot& operator[](uint32_t slot) const { return slots_[slot]; }
  const std::string& text(uint32_t index) const { return texts_[index]; }
  size_t size() const { return slots_.size(); }

 private:
  uint32_t Add(Slot slot);

  std::vector<Slot> slots_;
  std::deque<std::string> texts_;  // addresses are stable: sets and indexes point here
  absl::flat_hash_map<std::string, uint32_t> slot_index_;
  absl::flat_hash_map<std::string, uint32_t> text_index_;
};

class FieldCache {
 public:
  void Reset(const EnrichedEvent& event, size_t slots);
  const EnrichedEvent& event() const { return *event_; }
  const FieldValue& Get(const SlotTable& slots, uint32_t slot) {
    Entry& entry = entries_[slot];
    if (entry.epoch != epoch_) Fetch(slots, slot);
    return entries_[slot].value;
  }

 private:
  struct Entry {
    uint64_t epoch = 0;
    FieldValue value;
  };
  void Fetch(const SlotTable& slots, uint32_t index) noexcept;
  FieldValue Compute(const SlotTable& slots, const Slot& slot);

  const EnrichedEvent* event_ = nullptr;
  uint64_t epoch_ = 0;
  std::vector<Entry> entries_;
  FieldScratch scratch_;
};

}  // namespace tensorwarden::rules
