// One item of a rule file: its keys, checked against the keys that its sort of item has.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/rules/definitions.h"
#include "agent/rules/source_text.h"
#include "agent/rules/yaml_tree.h"

namespace tensorwarden::rules {

enum class Change : uint8_t { kReplace, kAppend };

class ItemReader {
 public:
  // `what` is "list", "macro" or "rule"; its name is under the key of that name. `keys` are all that it may have;
  // `appendable` those that `append: true` adds to. The others of such an item count as absent, with a warning.
  ItemReader(const char* what, const YamlNode& item, std::span<const std::string_view> keys,
             std::span<const std::string_view> appendable, Diagnostics& diagnostics);

  bool ok() const { return ok_; }
  const std::string& name() const { return name_; }
  Place place() const { return place_; }
  // "rule 'x': "
  std::string Prefix() const;
  void Error(const Place& place, const std::string& message);
  void Warning(const Place& place, const std::string& message);

  // The item changes an earlier definition of its name instead of replacing it.
  bool changes() const { return changes_; }
  Change ChangeOf(std::string_view key) const;
  const YamlNode* Find(std::string_view key) const;
  // All keys but the name are in `keys`.
  bool HasOnly(std::span<const std::string_view> keys) const;

  // Each returns nullopt when the key is absent, and also after an error.
  std::optional<MappedText> Text(std::string_view key);
  std::optional<bool> Flag(std::string_view key);
  std::optional<std::vector<ListItem>> Items(std::string_view key);
  std::vector<ListItem> ItemsOf(const YamlNode& node, std::string_view key);
  // Items that stand for values of conditions: quotes within the text make it one, as in '"(systemd)"'; quotes of YAML
  // say nothing, so that "name" may still name a list.
  std::optional<std::vector<ListItem>> Values(std::string_view key);
  std::vector<ListItem> ValuesOf(const YamlNode& node, std::string_view key);
  bool Require(std::string_view key);

 private:
  void CheckKeys(std::span<const std::string_view> keys);
  void ReadName();
  void ReadChanges(std::span<const std::string_view> appendable);
  void ReadAppend(std::span<const std::string_view> appendable);
  void ReadOverride(const YamlNode& node);

  const char* what_;
  const YamlNode& item_;
  Diagnostics& diagnostics_;
  std::string name_;
  Place place_;
  bool ok_ = true;
  bool changes_ = false;
  std::vector<std::pair<std::string, Change>> change_of_;
  std::vector<std::string_view> ignored_;  // keys
};

}  // namespace tensorwarden::rules
