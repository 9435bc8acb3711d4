// Rule files as typed definitions: what the YAML says, before any condition is looked at.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/rules/list_item.h"
#include "agent/rules/memory/memory_definition.h"
#include "agent/rules/source_text.h"
#include "agent/rules/yaml_tree.h"

namespace tensorwarden::rules {

struct ListDefinition {
  std::string name;
  Place place;
  std::vector<ListItem> items;
};

struct MacroDefinition {
  std::string name;
  Place place;
  MappedText condition;
};

// A tuple of values, one per field of the exception; each may be a list.
struct ExceptionValues {
  std::vector<std::vector<ListItem>> tuple;
  std::vector<bool> is_list;  // by position
  Place place;
  int64_t expires_ns = 0;  // since 1970; 0 = never
};

struct ExceptionDefinition {
  std::string name;
  Place place;
  bool single = false;  // `fields` is one field, and each value stands alone
  std::vector<ListItem> fields;
  std::vector<ListItem> comps;
  std::vector<ExceptionValues> values;
};

struct RuleDefinition {
  RuleInfo text;  // output stays unparsed here
  Place place;
  MappedText condition;  // empty of a sequence
  MappedText output;
  std::optional<MemoryDefinition> memory;
  std::vector<ListItem> suppress_by;
  std::vector<ExceptionDefinition> exceptions;
  bool enabled = true;
  bool foreign_source = false;  // of a source that is not ours: nothing of it can be checked
  bool skip_if_unknown = false;
  bool warn_evttypes = true;
};

// All definitions of all files, later ones over earlier ones. `append: true` and `override:` change an earlier
// definition; an item of just `rule` and `enabled` switches one on or off; anything else replaces it.
class Definitions {
 public:
  static constexpr size_t kMaxDefinitions = 50'000;   // each of lists, macros and rules
  static constexpr size_t kMaxListItems = 1'000'000;  // of all lists

  explicit Definitions(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // `file` must outlive this. Problems go to the diagnostics; what is good is taken.
  void Read(const SourceFile& file);

  const std::deque<ListDefinition>& lists() const { return lists_; }
  const std::deque<MacroDefinition>& macros() const { return macros_; }
  const std::deque<RuleDefinition>& rules() const { return rules_; }
  const ListDefinition* FindList(const std::string& name) const;
  // Index into macros(); -1 when there is none.
  int FindMacro(const std::string& name) const;
  std::vector<std::string_view> NearestLists(std::string_view name) const;
  std::vector<std::string_view> NearestMacros(std::string_view name) const;

 private:
  void ReadItem(const YamlNode& item);
  void ReadList(const YamlNode& node);
  void ReadMacro(const YamlNode& node);
  void ReadRule(const YamlNode& node);
  bool Room(size_t used, const Place& place);

  template <typename T>
  T* Find(std::deque<T>& all, const absl::flat_hash_map<std::string, size_t>& index, const std::string& name);
  template <typename T>
  void Put(std::deque<T>& all, absl::flat_hash_map<std::string, size_t>& index, const std::string& name, T value);
  // Warns when `name` was defined in this very file already: Falco takes it, but it looks like a slip.
  void WarnIfRepeated(const char* what, const std::string& name, const Place& place, const Place* earlier);

  Diagnostics& diagnostics_;
  size_t list_items_ = 0;
  std::deque<ListDefinition> lists_;
  std::deque<MacroDefinition> macros_;
  std::deque<RuleDefinition> rules_;
  absl::flat_hash_map<std::string, size_t> list_index_;
  absl::flat_hash_map<std::string, size_t> macro_index_;
  absl::flat_hash_map<std::string, size_t> rule_index_;
};

}  // namespace tensorwarden::rules
