#include "agent/rules/definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/enrich/nearest.h"
#include "agent/rules/item_reader.h"
#include "agent/rules/literal.h"

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kListKeys[] = {"list", "items", "append", "override"};
constexpr std::string_view kMacroKeys[] = {"macro", "condition", "append", "override"};
constexpr std::string_view kRuleKeys[] = {"rule",     "desc",          "condition",  "output",    "priority",
                                          "tags",     "enabled",       "source",     "next_step", "false_positives",
                                          "suppress", "warn_evttypes", "exceptions", "append",    "override"};
constexpr std::string_view kSwitchKeys[] = {"enabled"};
constexpr std::string_view kRequired[] = {"desc", "condition", "output", "priority"};
// Falco's demands on the engine and its plugins: they say nothing about us.
constexpr std::string_view kIgnoredItems[] = {"required_engine_version", "required_plugin_versions"};
constexpr double kNsPerSecond = 1e9;
constexpr double kMaxSuppressSeconds = 366.0 * 86400;

std::optional<Priority> ParsePriority(std::string_view name) {
  const std::string wanted = ToLower(name);
  if (wanted == "info") return Priority::kInformational;
  for (int i = 0; i <= static_cast<int>(Priority::kDebug); ++i) {
    if (wanted == ToLower(PriorityName(static_cast<Priority>(i)))) return static_cast<Priority>(i);
  }
  return std::nullopt;
}

template <typename T>
void Merge(std::vector<T>& to, std::vector<T> from, Change change) {
  if (change == Change::kReplace) to.clear();
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void Merge(MappedText& to, const MappedText& from, Change change) {
  if (change == Change::kReplace) {
    to = from;
    return;
  }
  to.AppendMade(" ");
  to.Append(from);
}

void Merge(std::string& to, const std::string& from, Change change) {
  to = change == Change::kReplace ? from : to + " " + from;
}

std::vector<std::string> TextsOf(const std::vector<ListItem>& items) {
  std::vector<std::string> texts;
  for (const ListItem& item : items) texts.push_back(item.text);
  return texts;
}

// Fills in the keys of one rule.
class RuleReader {
 public:
  RuleReader(ItemReader& item, RuleDefinition& rule) : item_(item), rule_(rule) {}

  void Read() {
    ReadTexts();
    ReadPriority();
    if (const auto enabled = item_.Flag("enabled")) rule_.enabled = *enabled;
    ReadSource();
    ReadSuppress();
    if (const YamlNode* node = item_.Find("exceptions"); node != nullptr && !node->items.empty()) {
      item_.Error(node->place, "'exceptions' is not supported; add 'and not (...)' to the condition");
    }
  }

 private:
  void ReadTexts() {
    if (const auto text = item_.Text("condition")) Merge(rule_.condition, *text, item_.ChangeOf("condition"));
    if (const auto text = item_.Text("output")) Merge(rule_.output, *text, item_.ChangeOf("output"));
    if (const auto text = item_.Text("desc")) Merge(rule_.text.description, text->text(), item_.ChangeOf("desc"));
    if (const auto text = item_.Text("next_step")) {
      Merge(rule_.text.next_step, text->text(), item_.ChangeOf("next_step"));
    }
    if (const auto items = item_.Items("tags")) Merge(rule_.text.tags, TextsOf(*items), item_.ChangeOf("tags"));
    if (const auto items = item_.Items("false_positives")) {
      Merge(rule_.text.false_positives, TextsOf(*items), item_.ChangeOf("false_positives"));
    }
  }

  void ReadPriority() {
    const auto text = item_.Text("priority");
    if (!text) return;
    if (const auto priority = ParsePriority(text->text())) {
      rule_.text.priority = *priority;
      return;
    }
    item_.Error(text->At(0), fmt::format("unknown priority '{}'; use Emergency, Alert, Critical, Error, Warning, "
                                         "Notice, Informational or Debug",
                                         Printable(text->text())));
  }

  void ReadSource() {
    const auto text = item_.Text("source");
    if (!text || text->text() == "syscall") return;
    item_.Error(text->At(0), fmt::format("source '{}' is not supported", Printable(text->text())));
  }

  void ReadSuppress() {
    const YamlNode* node = item_.Find("suppress");
    if (node == nullptr) return;
    if (node->kind != YamlNode::Kind::kMapping) {
      return item_.Error(node->place, "'suppress' must be {by: [fields], for: duration}");
    }
    bool has_duration = false;
    for (const YamlPair& pair : node->pairs) {
      if (pair.key == "by") {
        rule_.suppress_by = item_.ItemsOf(pair.value, "suppress by");
      } else if (pair.key == "for") {
        has_duration = ReadDuration(pair.value);
      } else {
        item_.Error(pair.place, fmt::format("'suppress' has no key '{}'; it has 'by' and 'for'", Printable(pair.key)));
      }
    }
    if (item_.ok() && !has_duration) item_.Error(node->place, "'suppress' needs 'for', as in for: 10m");
  }

  bool ReadDuration(const YamlNode& node) {
    const auto seconds = ParseNumber(node.scalar.text());
    if (!seconds || *seconds <= 0 || *seconds > kMaxSuppressSeconds) {
      item_.Error(node.place, "'for' must be a time up to a year, as in 30s, 10m, 24h or 7d");
      return false;
    }
    rule_.text.suppress_ns = static_cast<uint64_t>(*seconds * kNsPerSecond);
    return true;
  }

  ItemReader& item_;
  RuleDefinition& rule_;
};

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
  if (std::any_of(std::begin(kIgnoredItems), std::end(kIgnoredItems), has)) return;
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

bool Definitions::FirstInFile(const char* what, const std::string& name, const Place& place, const Place* earlier) {
  if (earlier == nullptr || earlier->file != place.file) return true;
  diagnostics_.Error(place, fmt::format("{} '{}': defined twice in this file, first in line {}", what, Printable(name),
                                        Locate(*earlier).line));
  return false;
}

bool Definitions::Room(size_t used, const Place& place) {
  if (used < kMaxDefinitions) return true;
  diagnostics_.Error(place, fmt::format("more than {} definitions", kMaxDefinitions));
  return false;
}

void Definitions::ReadList(const YamlNode& node) {
  ItemReader item("list", node, kListKeys, "items", diagnostics_);
  if (!item.ok() || !item.Require("items") || !Room(lists_.size(), item.place())) return;
  std::optional<std::vector<ListItem>> items = item.Items("items");
  if (!items || !item.ok()) return;
  list_items_ += items->size();
  if (list_items_ > kMaxListItems) return item.Error(item.place(), "too many list items in all files");
  ListDefinition* earlier = Find(lists_, list_index_, item.name());
  if (item.changes()) {
    if (earlier == nullptr) return item.Error(item.place(), "there is no earlier list of this name to change");
    return Merge(earlier->items, std::move(*items), item.ChangeOf("items"));
  }
  if (!FirstInFile("list", item.name(), item.place(), earlier == nullptr ? nullptr : &earlier->place)) return;
  Put(lists_, list_index_, item.name(), ListDefinition{item.name(), item.place(), std::move(*items)});
}

void Definitions::ReadMacro(const YamlNode& node) {
  ItemReader item("macro", node, kMacroKeys, "condition", diagnostics_);
  if (!item.ok() || !item.Require("condition") || !Room(macros_.size(), item.place())) return;
  const std::optional<MappedText> condition = item.Text("condition");
  if (!condition) return;
  MacroDefinition* earlier = Find(macros_, macro_index_, item.name());
  if (item.changes()) {
    if (earlier == nullptr) return item.Error(item.place(), "there is no earlier macro of this name to change");
    return Merge(earlier->condition, *condition, item.ChangeOf("condition"));
  }
  if (!FirstInFile("macro", item.name(), item.place(), earlier == nullptr ? nullptr : &earlier->place)) return;
  Put(macros_, macro_index_, item.name(), MacroDefinition{item.name(), item.place(), *condition});
}

void Definitions::ReadRule(const YamlNode& node) {
  ItemReader item("rule", node, kRuleKeys, "condition", diagnostics_);
  if (!item.ok() || !Room(rules_.size(), item.place())) return;
  RuleDefinition* earlier = Find(rules_, rule_index_, item.name());
  const bool is_switch = item.Find("enabled") != nullptr && item.HasOnly(kSwitchKeys);
  if (item.changes() || is_switch) {
    if (earlier == nullptr) return item.Error(item.place(), "there is no earlier rule of this name to change");
    return RuleReader(item, *earlier).Read();
  }
  for (const std::string_view key : kRequired) {
    if (!item.Require(key)) return;
  }
  if (!FirstInFile("rule", item.name(), item.place(), earlier == nullptr ? nullptr : &earlier->place)) return;
  RuleDefinition rule;
  rule.text.name = item.name();
  rule.text.file = item.place().file->path;
  rule.text.line = Locate(item.place()).line;
  rule.place = item.place();
  RuleReader(item, rule).Read();
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
