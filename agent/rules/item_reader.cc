#include "agent/rules/item_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/enrich/nearest.h"
#include "agent/rules/condition/condition_lexer.h"

namespace tensorwarden::rules {
namespace {

bool Contains(std::span<const std::string_view> keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// What `override` may append to, of any sort of item.
constexpr std::string_view kAppendable[] = {"items", "condition",  "output",    "desc",
                                            "tags",  "exceptions", "next_step", "false_positives"};

std::optional<bool> FlagOf(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kScalar || node.quoted) return std::nullopt;
  const std::string& text = node.scalar.text();
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  return std::nullopt;
}

}  // namespace

ItemReader::ItemReader(const char* what, const YamlNode& item, std::span<const std::string_view> keys,
                       std::span<const std::string_view> appendable, Diagnostics& diagnostics)
    : what_(what), item_(item), diagnostics_(diagnostics), place_(item.place) {
  ReadName();
  if (!ok_) return;
  CheckKeys(keys);
  ReadChanges(appendable);
}

std::string ItemReader::Prefix() const { return fmt::format("{} '{}': ", what_, Printable(name_)); }

void ItemReader::Error(const Place& place, const std::string& message) {
  ok_ = false;
  diagnostics_.Error(place, Prefix() + message);
}

void ItemReader::Warning(const Place& place, const std::string& message) {
  diagnostics_.Warning(place, Prefix() + message);
}

void ItemReader::ReadName() {
  const YamlNode* node = Find(what_);
  place_ = node == nullptr ? item_.place : node->place;
  if (node != nullptr && node->kind == YamlNode::Kind::kScalar) name_ = node->scalar.text();
  if (name_.empty()) {
    ok_ = false;
    diagnostics_.Error(place_, fmt::format("a {} needs a name", what_));
  }
}

void ItemReader::CheckKeys(std::span<const std::string_view> keys) {
  for (const YamlPair& pair : item_.pairs) {
    if (Contains(keys, pair.key)) continue;
    const std::vector<std::string_view> names(keys.begin(), keys.end());
    Error(pair.place,
          fmt::format("unknown key '{}'{}", Printable(pair.key), DidYouMean(NearestNames(pair.key, names))));
  }
}

void ItemReader::ReadChanges(std::span<const std::string_view> appendable) {
  if (Find("append") != nullptr && Flag("append").value_or(false)) {
    changes_ = true;
    ReadAppend(appendable);
  }
  const YamlNode* node = Find("override");
  if (node == nullptr) return;
  if (changes_) return Error(node->place, "'append' and 'override' exclude each other");
  changes_ = true;
  ReadOverride(*node);
}

// As in Falco: what cannot be added to stays as it was. `override` would say what becomes of it.
void ItemReader::ReadAppend(std::span<const std::string_view> appendable) {
  for (const std::string_view key : appendable) change_of_.emplace_back(key, Change::kAppend);
  for (const YamlPair& pair : item_.pairs) {
    if (pair.key == what_ || pair.key == "append" || pair.key == "override" || pair.key == "source") continue;
    if (Contains(appendable, pair.key)) continue;
    Warning(pair.place, fmt::format("'append: true' adds to {} only: '{}' is ignored; 'override' can replace it",
                                    fmt::join(appendable, ", "), Printable(pair.key)));
    ignored_.push_back(pair.key);
  }
}

void ItemReader::ReadOverride(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kMapping) return Error(node.place, "'override' must map keys to append or replace");
  for (const YamlPair& pair : node.pairs) {
    const std::string& mode = pair.value.scalar.text();
    if (mode != "append" && mode != "replace") {
      return Error(pair.value.place, fmt::format("override of '{}' must be append or replace", Printable(pair.key)));
    }
    if (mode == "append" && !Contains(kAppendable, pair.key)) {
      return Error(pair.place, fmt::format("'{}' can be replaced, not appended to", Printable(pair.key)));
    }
    if (Find(pair.key) == nullptr) {
      return Error(pair.place, fmt::format("override names '{}', but the item has no such key", Printable(pair.key)));
    }
    change_of_.emplace_back(pair.key, mode == "append" ? Change::kAppend : Change::kReplace);
  }
  for (const YamlPair& pair : item_.pairs) {
    if (pair.key == what_ || pair.key == "override" || pair.key == "source") continue;  // `source` says which rule
    const auto named = [&](const auto& change) { return change.first == pair.key; };
    if (std::none_of(change_of_.begin(), change_of_.end(), named)) {
      return Error(pair.place, fmt::format("'{}' must be named in 'override' too", Printable(pair.key)));
    }
  }
}

Change ItemReader::ChangeOf(std::string_view key) const {
  for (const auto& [name, change] : change_of_) {
    if (name == key) return change;
  }
  return Change::kReplace;
}

const YamlNode* ItemReader::Find(std::string_view key) const {
  if (Contains(ignored_, key)) return nullptr;
  for (const YamlPair& pair : item_.pairs) {
    if (pair.key == key) return &pair.value;
  }
  return nullptr;
}

bool ItemReader::HasOnly(std::span<const std::string_view> keys) const {
  return std::all_of(item_.pairs.begin(), item_.pairs.end(),
                     [&](const YamlPair& pair) { return pair.key == what_ || Contains(keys, pair.key); });
}

std::optional<MappedText> ItemReader::Text(std::string_view key) {
  const YamlNode* node = Find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == YamlNode::Kind::kScalar && !node->scalar.text().empty()) return node->scalar;
  Error(node->place, fmt::format("'{}' must be a text", key));
  return std::nullopt;
}

std::optional<bool> ItemReader::Flag(std::string_view key) {
  const YamlNode* node = Find(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<bool> flag = FlagOf(*node);
  if (!flag) Error(node->place, fmt::format("'{}' must be true or false", key));
  return flag;
}

std::optional<std::vector<ListItem>> ItemReader::Items(std::string_view key) {
  const YamlNode* node = Find(key);
  if (node == nullptr) return std::nullopt;
  return ItemsOf(*node, key);
}

std::vector<ListItem> ItemReader::ItemsOf(const YamlNode& node, std::string_view key) {
  std::vector<ListItem> items;
  if (node.kind != YamlNode::Kind::kSequence) {
    Error(node.place, fmt::format("'{}' must be a list, as in [a, b]", key));
    return items;
  }
  for (const YamlNode& item : node.items) {
    if (item.kind != YamlNode::Kind::kScalar) {
      Error(item.place, fmt::format("'{}' must hold plain values only", key));
      return items;
    }
    items.push_back({item.scalar.text(), item.quoted, item.place});
  }
  return items;
}

std::optional<std::vector<ListItem>> ItemReader::Values(std::string_view key) {
  const YamlNode* node = Find(key);
  if (node == nullptr) return std::nullopt;
  return ValuesOf(*node, key);
}

std::vector<ListItem> ItemReader::ValuesOf(const YamlNode& node, std::string_view key) {
  std::vector<ListItem> values = ItemsOf(node, key);
  for (ListItem& value : values) {
    const std::string_view text = value.text;
    value.quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
    if (!value.quoted) continue;
    LexError error;
    std::optional<std::string> inside = Unescaped(text.substr(1, text.size() - 2), error);
    if (!inside) {
      Error(value.place, error.message);
      return {};
    }
    value.text = *std::move(inside);
  }
  return values;
}

bool ItemReader::Require(std::string_view key) {
  if (Find(key) != nullptr) return true;
  Error(place_, fmt::format("'{}' is missing", key));
  return false;
}

}  // namespace tensorwarden::rules
