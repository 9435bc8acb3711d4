// Sets of event kinds: bit i stands for alternative i of EventBody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <variant>

#include "agent/event/event.h"

namespace tensorwarden {

using KindSet = uint64_t;

static_assert(kEventKindCount <= 64, "a KindSet has one bit per kind");

inline constexpr KindSet kAllKinds = (KindSet{1} << kEventKindCount) - 1;

namespace internal {

template <typename T, size_t I = 0>
constexpr size_t KindIndex() {
  if constexpr (std::is_same_v<std::variant_alternative_t<I, EventBody>, T>) {
    return I;
  } else {
    return KindIndex<T, I + 1>();
  }
}

}  // namespace internal

template <typename T>
inline constexpr size_t kKindIndex = internal::KindIndex<T>();

// The set of the kinds named.
template <typename... Ts>
inline constexpr KindSet kKinds = ((KindSet{1} << kKindIndex<Ts>) | ...);

// What an event did within its kind, as the wire numbers it (enum event_change, event_sock_op, ...); 0 when its kind
// has no operations.
uint32_t EventOperation(const Event& event);
// Names of a kind's operations by their numbers, "" where there is none; empty when the kind has no operations.
std::span<const char* const> OperationNames(size_t kind);
// Its name: "write", "connect", "rename"; "" when there is none.
const char* EventOperationName(const Event& event);

}  // namespace tensorwarden
