// Tables of keys: which keys a map has, where each value goes, what it may be. One table is one struct's keys.
#pragma once

#include <absl/status/status.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/values.h"
#include "agent/config/yaml.h"

namespace tensorwarden::config {

// Reads `node` into `out`. Errors are complete: `file:line:column: message`.
template <class T>
using NodeReader = std::function<absl::Status(const YamlNode& node, const std::string& file, T& out)>;

template <class T>
struct Key {
  std::string_view name;
  NodeReader<T> read;
  bool required = false;
};

template <class T>
using Keys = std::vector<Key<T>>;

// Says what is wrong with an element, given those before it; "" when nothing is.
template <class T>
using ElementCheck = std::function<std::string(const T& element, std::span<const T> earlier)>;

absl::Status UnknownKey(const std::string& file, YamlPlace place, const std::string& key,
                        const std::vector<std::string_view>& known);
absl::Status WrongKind(const std::string& file, const YamlNode& node, const char* want);

template <class T>
absl::Status ReadMap(const YamlNode& node, const std::string& file, const Keys<T>& keys, T& out) {
  if (!node.IsNull() && node.kind != YamlNode::Kind::kMap) return WrongKind(file, node, "a map");
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const std::string& name = node.keys[i].first;
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key<T>& k) { return k.name == name; });
    if (key == keys.end()) {
      std::vector<std::string_view> known;
      for (const Key<T>& k : keys) known.push_back(k.name);
      return UnknownKey(file, node.keys[i].second, name, known);
    }
    if (absl::Status status = key->read(node.items[i], file, out); !status.ok()) return status;
  }
  for (const Key<T>& key : keys) {
    const auto has = [&](const auto& k) { return k.first == key.name; };
    if (key.required && std::none_of(node.keys.begin(), node.keys.end(), has)) {
      return ConfigError(file, node.place, fmt::format("key '{}' is missing", key.name));
    }
  }
  return absl::OkStatus();
}

template <class V>
absl::StatusOr<V> ReadScalar(const YamlNode& node, const std::string& file, const ValueParser<V>& parse) {
  if (node.kind != YamlNode::Kind::kScalar) return WrongKind(file, node, "a value");
  if (node.IsNull()) return ConfigError(file, node.place, "needs a value");
  absl::StatusOr<V> value = parse(node.text);
  if (!value.ok()) return ConfigError(file, node.place, std::string(value.status().message()));
  return value;
}

// `where`: a pointer to member, or a function from T& to the place of the value.
template <class T, class Where, class V>
NodeReader<T> Value(Where where, ValueParser<V> parse) {
  return [=](const YamlNode& node, const std::string& file, T& out) -> absl::Status {
    absl::StatusOr<V> value = ReadScalar(node, file, parse);
    if (!value.ok()) return value.status();
    auto& place = std::invoke(where, out);
    place = static_cast<std::remove_reference_t<decltype(place)>>(*std::move(value));
    return absl::OkStatus();
  };
}

enum class Merge : uint8_t { kAppend, kReplace };  // with what defaults and earlier files gave
enum class Order : uint8_t { kAny, kAscending };

template <class T, class Where, class V>
NodeReader<T> ListOf(Where where, ValueParser<V> parse, Merge merge, Order order = Order::kAny) {
  return [=](const YamlNode& node, const std::string& file, T& out) -> absl::Status {
    if (!node.IsNull() && node.kind != YamlNode::Kind::kList) return WrongKind(file, node, "a list");
    auto& values = std::invoke(where, out);
    using Element = typename std::remove_reference_t<decltype(values)>::value_type;
    if (merge == Merge::kReplace) {
      if (node.items.empty()) return ConfigError(file, node.place, "needs at least one element");
      values.clear();
    }
    for (const YamlNode& item : node.items) {
      absl::StatusOr<V> value = ReadScalar(item, file, parse);
      if (!value.ok()) return value.status();
      if (order == Order::kAscending && !values.empty() && !(values.back() < Element(*value))) {
        return ConfigError(file, item.place, fmt::format("'{}' must be greater than the one before it", item.text));
      }
      values.push_back(static_cast<Element>(*std::move(value)));
    }
    return absl::OkStatus();
  };
}

template <class T, class Where, class Inner>
NodeReader<T> Section(Where where, const Keys<Inner>& keys) {
  return [=](const YamlNode& node, const std::string& file, T& out) {
    return ReadMap<Inner>(node, file, keys, std::invoke(where, out));
  };
}

// A list of maps, appended to what is there.
template <class T, class Where, class Element>
NodeReader<T> MapList(Where where, const Keys<Element>& keys, ElementCheck<Element> check) {
  return [=](const YamlNode& node, const std::string& file, T& out) -> absl::Status {
    if (!node.IsNull() && node.kind != YamlNode::Kind::kList) return WrongKind(file, node, "a list of maps");
    std::vector<Element>& elements = std::invoke(where, out);
    for (const YamlNode& item : node.items) {
      Element element;
      if (absl::Status status = ReadMap<Element>(item, file, keys, element); !status.ok()) return status;
      if (std::string problem = check(element, elements); !problem.empty()) {
        return ConfigError(file, item.place, problem);
      }
      elements.push_back(std::move(element));
    }
    return absl::OkStatus();
  };
}

}  // namespace tensorwarden::config
