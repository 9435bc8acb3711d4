// Names that evt.type may be compared with: our kinds, and Falco's call names for what we see by other means.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/enrich/kinds.h"

namespace tensorwarden::rules {

// Which operations of which kinds: bit o of operations[k] admits operation o of kind k.
struct EventTypes {
  static constexpr uint32_t kAnyOperation = 0xffffffff;
  std::array<uint32_t, kEventKindCount> operations{};

  bool Has(size_t kind, uint32_t operation) const {
    return kind < operations.size() && ((operations[kind] >> (operation & 31)) & 1) != 0;
  }
  void Add(const EventTypes& other);
  // Kinds of which at least one operation is in, and kinds that are in wholly.
  KindSet Some() const;
  KindSet Whole() const;
};

// Empty when `name` is a call that no kind shows; nullopt when it is no name of anything.
std::optional<EventTypes> FindEventType(std::string_view name);
std::vector<std::string_view> NearestEventTypes(std::string_view name);

}  // namespace tensorwarden::rules
