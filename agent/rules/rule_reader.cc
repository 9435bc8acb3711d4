#include "agent/rules/rule_reader.h"

#include <fmt/format.h>

#include "agent/rules/condition/literal.h"
#include "agent/rules/exceptions.h"
#include "agent/rules/memory/memory_reader.h"
#include "agent/rules/merge.h"

namespace tensorwarden::rules {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kMaxSuppressSeconds = 366.0 * 86400;

std::vector<std::string> TextsOf(const std::vector<ListItem>& items) {
  std::vector<std::string> texts;
  for (const ListItem& item : items) texts.push_back(item.text);
  return texts;
}

class RuleReader {
 public:
  RuleReader(ItemReader& item, RuleDefinition& rule) : item_(item), rule_(rule) {}

  void Read() {
    ReadTexts();
    ReadPriority();
    ReadFlags();
    ReadSource();
    ReadMemory(item_, rule_.memory);
    ReadSuppress();
    ReadCapture();
    if (const YamlNode* node = item_.Find("exceptions")) {
      ReadExceptions(item_, *node, item_.ChangeOf("exceptions"), rule_.exceptions);
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

  void ReadFlags() {
    if (const auto flag = item_.Flag("enabled")) rule_.enabled = *flag;
    if (const auto flag = item_.Flag("warn_evttypes")) rule_.warn_evttypes = *flag;
    if (const auto flag = item_.Flag("skip-if-unknown-filter")) rule_.skip_if_unknown = *flag;
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
    if (!text) return;
    const bool known_as_foreign = rule_.foreign_source;
    rule_.foreign_source = text->text() != "syscall";
    if (!rule_.foreign_source || known_as_foreign) return;
    item_.Warning(text->At(0),
                  fmt::format("there are no events of source '{}' here; the rule is skipped", Printable(text->text())));
  }

  // Falco records system calls when such a rule matches; here the flight recorder saves a slice, if there is one.
  void ReadCapture() {
    if (const auto capture = item_.Flag("capture")) rule_.text.capture = *capture;
    if (const YamlNode* duration = item_.Find("capture_duration")) {
      const auto ms = ParseNumber(duration->scalar.text());
      constexpr double kLongestMs = 600'000;
      if (!ms || *ms <= 0 || *ms > kLongestMs) {
        return item_.Error(duration->place, "'capture_duration' must be a number of milliseconds, at most 600000");
      }
      rule_.text.capture_ns = static_cast<uint64_t>(*ms * 1e6);
    }
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
    const std::optional<Quantity> time = ParseQuantity(node.scalar.text());
    const bool is_time = time && (time->of == Quantity::Of::kSeconds || time->of == Quantity::Of::kPlain);
    if (!is_time || time->value <= 0 || time->value > kMaxSuppressSeconds) {
      item_.Error(node.place, "'for' must be a time up to a year, as in 30s, 10m, 24h or 7d");
      return false;
    }
    rule_.text.suppress_ns = static_cast<uint64_t>(time->value * kNsPerSecond);
    return true;
  }

  ItemReader& item_;
  RuleDefinition& rule_;
};

}  // namespace

void ReadRuleKeys(ItemReader& item, RuleDefinition& rule) { RuleReader(item, rule).Read(); }

}  // namespace tensorwarden::rules
