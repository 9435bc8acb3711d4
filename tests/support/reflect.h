// Members of plain structs, for tests that must not forget one: fill them all with distinct values, compare them all.
#pragma once

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "agent/capture/fields.h"

namespace tensorwarden {

template <class T>
auto Tie(T& v) {
  constexpr size_t kCount = MemberCount<std::remove_const_t<T>>();
  if constexpr (kCount == 1) {
    auto& [a] = v;
    return std::tie(a);
  } else if constexpr (kCount == 2) {
    auto& [a, b] = v;
    return std::tie(a, b);
  } else if constexpr (kCount == 3) {
    auto& [a, b, c] = v;
    return std::tie(a, b, c);
  } else if constexpr (kCount == 4) {
    auto& [a, b, c, d] = v;
    return std::tie(a, b, c, d);
  } else if constexpr (kCount == 5) {
    auto& [a, b, c, d, e] = v;
    return std::tie(a, b, c, d, e);
  } else if constexpr (kCount == 6) {
    auto& [a, b, c, d, e, f] = v;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (kCount == 7) {
    auto& [a, b, c, d, e, f, g] = v;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (kCount == 8) {
    auto& [a, b, c, d, e, f, g, h] = v;
    return std::tie(a, b, c, d, e, f, g, h);
  } else if constexpr (kCount == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = v;
    return std::tie(a, b, c, d, e, f, g, h, i);
  } else if constexpr (kCount == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (kCount == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (kCount == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else {
    static_assert(kCount == 16, "add a branch for this number of members");
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
}

template <class T>
void Fill(T& value, uint32_t& next);

template <class T>
void Fill(std::vector<T>& values, uint32_t& next) {
  values.resize(2);
  for (T& value : values) Fill(value, next);
}

template <class A, class B>
void Fill(std::pair<A, B>& value, uint32_t& next) {
  Fill(value.first, next);
  Fill(value.second, next);
}

// Gives every member, however deep, a value that is neither its default nor another member's.
template <class T>
void Fill(T& value, uint32_t& next) {
  ++next;
  if constexpr (std::is_same_v<T, bool>) {
    value = !value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    value = static_cast<T>(next);
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = "text " + std::to_string(next);
  } else {
    std::apply([&](auto&... member) { (Fill(member, next), ...); }, Tie(value));
  }
}

template <class T>
bool Same(const T& a, const T& b);

template <class T>
bool Same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Same(a[i], b[i])) return false;
  }
  return true;
}

template <class T>
bool Same(const T& a, const T& b) {
  if constexpr (requires { a == b; }) {
    return a == b;
  } else {
    return [&]<size_t... I>(std::index_sequence<I...>) {
      return (Same(std::get<I>(Tie(a)), std::get<I>(Tie(b))) && ...);
    }
    (std::make_index_sequence<MemberCount<T>()>());
  }
}

inline bool Same(const Event& a, const Event& b) {
  if (a.seq != b.seq || a.body.index() != b.body.index() || !Same(a.origin, b.origin)) return false;
  return std::visit(
      [&]<class T>(const T& body) {
        if constexpr (std::is_same_v<T, std::monostate>)
          return true;
        else
          return Same(body, std::get<T>(b.body));
      },
      a.body);
}

// An event of the kind with this variant index, with every member set.
template <size_t kIndex>
Event FilledEvent() {
  uint32_t next = 0;
  Event event;
  Fill(event.seq, next);
  Fill(event.origin, next);
  auto& body = event.body.emplace<kIndex>();
  if constexpr (kIndex != 0) Fill(body, next);
  return event;
}

// One of every kind; grows with the variant.
inline std::vector<Event> OneOfEveryKind() {
  return []<size_t... I>(std::index_sequence<I...>) { return std::vector<Event>{FilledEvent<I>()...}; }
  (std::make_index_sequence<kEventKindCount>());
}

}  // namespace tensorwarden
