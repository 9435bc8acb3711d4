#include "agent/rules/condition/slot.h"

#include <fmt/format.h>

#include <new>

namespace tensorwarden::rules {

uint32_t SlotTable::Add(Slot slot) {
  const auto [at, is_new] = slot_index_.try_emplace(slot.name, static_cast<uint32_t>(slots_.size()));
  if (is_new) slots_.push_back(std::move(slot));
  return at->second;
}

uint32_t SlotTable::AddField(const FieldSpec& field, const std::string& argument) {
  Slot slot;
  slot.field = &field;
  slot.argument = argument;
  slot.type = field.type;
  slot.kinds = field.KindsWith(argument) & kAllKinds;
  slot.name = field.name;
  // Quoted where it could be taken for something else: equal names are one slot.
  const bool plain = argument.find_first_of("[](), \"'") == std::string::npos;
  if (!argument.empty()) slot.name += plain ? fmt::format("[{}]", argument) : fmt::format("[{:?}]", argument);
  return Add(std::move(slot));
}

uint32_t SlotTable::AddFunction(Function function, std::string_view name, std::vector<SlotArgument> arguments,
                                const std::string& option, FieldType type) {
  Slot slot;
  slot.function = function;
  slot.argument = option;
  slot.type = type;
  slot.name = std::string(name) + '(';
  // join() leaves out what is absent, so one argument is enough for it.
  KindSet any = 0, all = kAllKinds;
  for (const SlotArgument& argument : arguments) {
    if (&argument != &arguments.front()) slot.name += ", ";
    slot.name += argument.is_text ? fmt::format("{:?}", texts_[argument.index]) : slots_[argument.index].name;
    if (argument.is_text) continue;
    any |= slots_[argument.index].kinds;
    all &= slots_[argument.index].kinds;
  }
  slot.kinds = function == Function::kJoin ? any : all;
  slot.name += option.empty() ? ")" : fmt::format(")[{:?}]", option);
  slot.arguments = std::move(arguments);
  return Add(std::move(slot));
}

uint32_t SlotTable::AddText(const std::string& text) {
  const auto [at, is_new] = text_index_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
  if (is_new) texts_.push_back(text);
  return at->second;
}

void FieldCache::Reset(const EnrichedEvent& event, size_t slots) {
  event_ = &event;
  ++epoch_;
  scratch_.Clear();
  if (entries_.size() < slots) entries_.resize(slots);
}

// The value is made where it stays: moving what was just written costs more than making it. An accessor that threw
// would leave half a value behind, hence noexcept.
void FieldCache::Fetch(const SlotTable& slots, uint32_t index) noexcept {
  const Slot& slot = slots[index];
  Entry& entry = entries_[index];
  entry.value.emplace<std::monostate>();
  if (slot.field != nullptr) {
    new (&entry.value) FieldValue(slot.field->get(*event_, slot.argument, scratch_));
  } else {
    new (&entry.value) FieldValue(Compute(slots, slot));
  }
  entry.epoch = epoch_;
}

// Arguments are slots of lower numbers, so this ends.
FieldValue FieldCache::Compute(const SlotTable& slots, const Slot& slot) {
  std::vector<FieldValue> arguments;
  arguments.reserve(slot.arguments.size());
  for (const SlotArgument& argument : slot.arguments) {
    arguments.push_back(argument.is_text ? FieldValue(std::string_view(slots.text(argument.index)))
                                         : Get(slots, argument.index));
  }
  return Transform(slot.function, arguments, slot.argument, scratch_);
}

}  // namespace tensorwarden::rules
