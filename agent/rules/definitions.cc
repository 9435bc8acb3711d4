#include "agent/rules/definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/enrich/nearest.h"
#include "agent/rules/item_reader.h"
#include "agent/rules/merge.h"
#include "agent/rules/requirements.h"
#include "agent/rules/rule_reader.h"

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kListKeys[] = {"list", "items", "append", "override"};
constexpr std::string_view kMacroKeys[] = {"macro", "condition", "append", "override"};
constexpr std::string_view kRuleKeys[] = {"rule",
                                          "desc",
                                          "condition",
                                          "sequence",
                                          "aggregate",
                                          "baseline",
                                          "output",
                                          "priority",
                                          "tags",
                                          "enabled",
                                          "source",
                                          "next_step",
                                          "append",
                                          "override",
                                          "suppress",
                                          "capture",
                                          "capture_duration",
                                          "false_positives",
                                          "warn_evttypes",
                                          "exceptions",
                                          "skip-if-unknown-filter"};
// What `append: true` adds to.
constexpr std::string_view kListAppends[] = {"items"};
constexpr std::string_view kMacroAppends[] = {"condition"};
constexpr std::string_view kRuleAppends[] = {"condition", "exceptions", "tags"};
constexpr std::string_view kSwitchKeys[] = {"enabled", "source"};
constexpr std::string_view kRequired[] = {"desc", "condition", "output", "priority"};

template <typename T>
std::vector<std::string_view> NamesOf(const std::deque<T>& all) {
  std::vector<std::string_view> names;
  for (const T& one : all) names.push_back(one.name);
  return names;
}

}  // namespace

void Definitions::Read(const SourceFile& file) {
  const std::optional<YamlNode> root = ReadYaml(file, diagnostics_);
  if (!root) return;
  if (root->kind != YamlNode::Kind::kSequence) {
    return diagnostics_.Error(root->place, "a rule file is a list of items: '- rule:', '- macro:' or '- list:'");
  }
  for (const YamlNode& item : root->items) ReadItem(item);
}

void Definitions::ReadItem(const YamlNode& item) {
  const auto has = [&](std::string_view key) {
    return std::any_of(item.pairs.begin(), item.pairs.end(), [&](const YamlPair& pair) { return pair.key == key; });
  };
  if (has("rule")) return ReadRule(item);
  if (has("macro")) return ReadMacro(item);
  if (has("list")) return ReadList(item);
  for (const YamlPair& pair : item.pairs) {
    if (IsRequirement(pair.key)) return CheckRequirement(pair, diagnostics_);
  }
  const std::string found = item.pairs.empty() ? "" : fmt::format(", found '{}'", Printable(item.pairs[0].key));
  diagnostics_.Error(item.place, "expected an item with 'rule', 'macro' or 'list'" + found);
}

template <typename T>
T* Definitions::Find(std::deque<T>& all, const absl::flat_hash_map<std::string, size_t>& index,
                     const std::string& name) {
  const auto at = index.find(name);
  return at == index.end() ? nullptr : &all[at->second];
}

template <typename T>
void Definitions::Put(std::deque<T>& all, absl::flat_hash_map<std::string, size_t>& index, const std::string& name,
                      T value) {
  const auto [at, is_new] = index.try_emplace(name, all.size());
  if (is_new) {
    all.push_back(std::move(value));
  } else {
    all[at->second] = std::move(value);
  }
}

void Definitions::WarnIfRepeated(const char* what, const std::string& name, const Place& place, const Place* earlier) {
  if (earlier == nullptr || earlier->file != place.file) return;
  diagnostics_.Warning(place, fmt::format("{} '{}': defined twice in this file; replaces that of line {}", what,
                                          Printable(name), Locate(*earlier).line));
}

bool Definitions::Room(size_t used, const Place& place) {
  if (used < kMaxDefinitions) return true;
  diagnostics_.Error(place, fmt::format("more than {} definitions", kMaxDefinitions));
  return false;
}

void Definitions::ReadList(const YamlNode& node) {
  ItemReader item("list", node, kListKeys, kListAppends, diagnostics_);
  if (!item.ok() || !item.Require("items") || !Room(lists_.size(), item.place())) return;
  std::optional<std::vector<ListItem>> items = item.Values("items");
  if (!items || !item.ok()) return;
  list_items_ += items->size();
  if (list_items_ > kMaxListItems) return item.Error(item.place(), "too many list items in all files");
  ListDefinition* earlier = Find(lists_, list_index_, item.name());
  if (item.changes()) {
    if (earlier == nullptr) return item.Error(item.place(), "there is no earlier list of this name to change");
    return Merge(earlier->items, std::move(*items), item.ChangeOf("items"));
  }
  WarnIfRepeated("list", item.name(), item.place(), earlier == nullptr ? nullptr : &earlier->place);
  Put(lists_, list_index_, item.name(), ListDefinition{item.name(), item.place(), std::move(*items)});
}

void Definitions::ReadMacro(const YamlNode& node) {
  ItemReader item("macro", node, kMacroKeys, kMacroAppends, diagnostics_);
  if (!item.ok() || !item.Require("condition") || !Room(macros_.size(), item.place())) return;
  const std::optional<MappedText> condition = item.Text("condition");
  if (!condition) return;
  MacroDefinition* earlier = Find(macros_, macro_index_, item.name());
  if (item.changes()) {
    if (earlier == nullptr) return item.Error(item.place(), "there is no earlier macro of this name to change");
    return Merge(earlier->condition, *condition, item.ChangeOf("condition"));
  }
  WarnIfRepeated("macro", item.name(), item.place(), earlier == nullptr ? nullptr : &earlier->place);
  Put(macros_, macro_index_, item.name(), MacroDefinition{item.name(), item.place(), *condition});
}

void Definitions::ReadRule(const YamlNode& node) {
  ItemReader item("rule", node, kRuleKeys, kRuleAppends, diagnostics_);
  if (!item.ok() || !Room(rules_.size(), item.place())) return;
  RuleDefinition* earlier = Find(rules_, rule_index_, item.name());
  const bool is_switch = item.Find("enabled") != nullptr && item.HasOnly(kSwitchKeys);
  if (item.changes() || is_switch) {
    if (earlier == nullptr) return item.Error(item.place(), "there is no earlier rule of this name to change");
    return ReadRuleKeys(item, *earlier);
  }
  for (const std::string_view key : kRequired) {
    if (key == "condition" && item.Find("sequence") != nullptr) continue;  // its steps are
    if (!item.Require(key)) return;
  }
  WarnIfRepeated("rule", item.name(), item.place(), earlier == nullptr ? nullptr : &earlier->place);
  RuleDefinition rule;
  rule.text.name = item.name();
  rule.text.file = item.place().file->path;
  rule.text.line = Locate(item.place()).line;
  rule.place = item.place();
  ReadRuleKeys(item, rule);
  if (item.ok()) Put(rules_, rule_index_, item.name(), std::move(rule));
}

const ListDefinition* Definitions::FindList(const std::string& name) const {
  const auto at = list_index_.find(name);
  return at == list_index_.end() ? nullptr : &lists_[at->second];
}

int Definitions::FindMacro(const std::string& name) const {
  const auto at = macro_index_.find(name);
  return at == macro_index_.end() ? -1 : static_cast<int>(at->second);
}

std::vector<std::string_view> Definitions::NearestLists(std::string_view name) const {
  return NearestNames(name, NamesOf(lists_));
}

std::vector<std::string_view> Definitions::NearestMacros(std::string_view name) const {
  return NearestNames(name, NamesOf(macros_));
}

}  // namespace tensorwarden::rules
