// Values of tests, from YAML to members of structs; every problem names its place.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/author/event_members.h"
#include "agent/author/scene.h"
#include "agent/enrich/nearest.h"
#include "agent/rules/condition/literal.h"
#include "agent/rules/yaml_tree.h"

namespace tensorwarden::author {

// The value under `key`; nullptr when the mapping has none.
const rules::YamlNode* ValueOf(const rules::YamlNode& mapping, std::string_view key);

class ValueReader {
 public:
  // `label_of`: the label bit of an asset, when it has one.
  ValueReader(Scene& scene, rules::Diagnostics& diagnostics,
              std::function<std::optional<uint32_t>(const FileKey&)> label_of)
      : scene_(scene), diagnostics_(diagnostics), label_of_(std::move(label_of)) {}

  // Files that are named and not known become new ones.
  void set_may_be_new(bool may_be_new) { may_be_new_ = may_be_new; }

  // Fills the members of `value` that the mapping names. False after an error; a key that is no member is one.
  template <class T>
  bool Struct(const rules::YamlNode& node, T& value) {
    if (node.kind == rules::YamlNode::Kind::kScalar && node.scalar.text().empty()) return true;  // "clock_tick:"
    if (node.kind != rules::YamlNode::Kind::kMapping) return Fail(node, "want {name: value, ...}");
    Visitor visitor{*this, node, {}, true};
    Members(visitor, value);
    return KnownKeys(node, visitor.names) && visitor.ok;
  }

  // The text of `node` is one of `names`.
  bool IsOneOf(const rules::YamlNode& node, const std::vector<std::string_view>& names);
  // Every key of `mapping` is one of `names`.
  bool KnownKeys(const rules::YamlNode& mapping, const std::vector<std::string_view>& names);

  bool Read(const rules::YamlNode& node, std::string& value);
  bool Read(const rules::YamlNode& node, bool& value);
  bool Read(const rules::YamlNode& node, double& value);
  bool Read(const rules::YamlNode& node, ProcessKey& value);
  bool Read(const rules::YamlNode& node, FileKey& value);
  bool Read(const rules::YamlNode& node, SocketTuple& value);
  bool Read(const rules::YamlNode& node, Finding& value);
  bool Read(const rules::YamlNode& node, std::pair<uint32_t, uint64_t>& value);
  // {name: value, ...}
  bool Read(const rules::YamlNode& node, std::vector<std::pair<std::string, std::string>>& values);

  template <class T>
  requires std::is_integral_v<T>
  bool Read(const rules::YamlNode& node, T& value) { return Whole(node, Quantity::Of::kPlain, value); }
  template <class T>
  requires std::is_integral_v<T>
  bool Read(const rules::YamlNode& node, T& value, Bytes) { return Whole(node, Quantity::Of::kBytes, value); }

  template <class T>
  bool Read(const rules::YamlNode& node, std::vector<T>& values) {
    values.clear();
    if (node.kind == rules::YamlNode::Kind::kMapping) return Fail(node, "want a list");
    if (node.kind == rules::YamlNode::Kind::kScalar) return ReadOne(node, values);
    for (const rules::YamlNode& item : node.items) {
      if (!ReadOne(item, values)) return false;
    }
    return true;
  }

  template <class T>
  requires std::is_class_v<T>
  bool Read(const rules::YamlNode& node, T& value) { return Struct(node, value); }

  template <class T>
  bool Read(const rules::YamlNode& node, T& value, const Choice& choice) {
    const std::optional<uint64_t> number = NumberOf(node, choice, std::numeric_limits<T>::max());
    if (number) value = static_cast<T>(*number);
    return number.has_value();
  }
  template <class T>
  bool Read(const rules::YamlNode& node, T& value, const Flags& flags) {
    const std::optional<uint64_t> number = NumberOf(node, flags);
    if (number) value = static_cast<T>(*number);
    return number.has_value();
  }
  bool Read(const rules::YamlNode& node, std::string& value, ValueOfField form);
  bool Read(const rules::YamlNode& node, double& value, Fraction form);
  bool Read(const rules::YamlNode& node, uint32_t& value, Octal form);
  bool Read(const rules::YamlNode& node, uint64_t& value, Labels form);
  bool Read(const rules::YamlNode& node, uint32_t& value, Label form);
  bool Read(const rules::YamlNode& node, uint64_t& value, Duration form);

  bool Fail(const rules::YamlNode& node, const std::string& message);
  Scene& scene() { return scene_; }

 private:
  using Quantity = rules::Quantity;

  struct Visitor {
    ValueReader& reader;
    const rules::YamlNode& node;
    std::vector<std::string_view> names;
    bool ok;

    template <class T, class... Form>
    void operator()(const char* name, T& member, const Form&... form) {
      names.emplace_back(name);
      if (const rules::YamlNode* value = ValueOf(node, name)) ok = reader.Read(*value, member, form...) && ok;
    }
  };

  template <class T>
  bool ReadOne(const rules::YamlNode& node, std::vector<T>& values) {
    T value{};
    if (!Read(node, value)) return false;
    values.push_back(std::move(value));
    return true;
  }

  template <class T>
  bool Whole(const rules::YamlNode& node, Quantity::Of unit, T& value) {
    constexpr T kMin = std::numeric_limits<T>::min(), kMax = std::numeric_limits<T>::max();
    if constexpr (std::is_same_v<T, uint64_t>) {  // hashes and addresses do not fit a double
      if (std::optional<uint64_t> exact = Exact(node.scalar.text())) return value = *exact, true;
    }
    double number = 0;
    if (!ReadIn(node, unit, number)) return false;
    // A double that is not below 2^64 would not fit, although it equals the largest value rounded.
    if (number != std::trunc(number) || number < static_cast<double>(kMin) || number >= static_cast<double>(kMax) + 1) {
      return Fail(node, fmt::format("want a whole number from {} to {}", kMin, kMax));
    }
    value = static_cast<T>(number);
    return true;
  }

  static std::optional<uint64_t> Exact(const std::string& text);
  // A number without a unit, or with one that counts `unit`.
  bool ReadIn(const rules::YamlNode& node, Quantity::Of unit, double& value);
  // Replaces `address` by its normal form.
  bool ReadAddress(const rules::YamlNode& mapping, std::string_view key, std::string& address);
  std::optional<uint64_t> NumberOf(const rules::YamlNode& node, const Choice& choice, uint64_t max);
  std::optional<uint64_t> NumberOf(const rules::YamlNode& node, const Flags& flags);
  std::optional<uint32_t> LabelOf(const rules::YamlNode& node);

  Scene& scene_;
  rules::Diagnostics& diagnostics_;
  std::function<std::optional<uint32_t>(const FileKey&)> label_of_;
  bool may_be_new_ = false;
};

}  // namespace tensorwarden::author
