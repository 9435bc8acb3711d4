#include "agent/rules/memory/memory_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "agent/enrich/nearest.h"
#include "agent/rules/condition/literal.h"

namespace tensorwarden::rules {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kMaxSeconds = 366.0 * 86400;
constexpr size_t kMaxKeyFields = 16;

constexpr std::string_view kSequenceKeys[] = {"by", "within", "steps"};
constexpr std::string_view kAggregateKeys[] = {"by", "window", "over", "count", "rate", "sum", "distinct"};
constexpr std::string_view kMeasures[] = {"count", "rate", "sum", "distinct"};
constexpr std::string_view kBaselineKeys[] = {"of", "by", "learn", "alert", "times"};
constexpr std::string_view kStepKeys[] = {"not"};

class MemoryReader {
 public:
  // `usage` shows how the mapping is written.
  MemoryReader(ItemReader& item, const char* key, const YamlNode& node, const char* usage)
      : item_(item), key_(key), node_(node), usage_(usage) {}

  std::optional<MemoryDefinition> Sequence() {
    SequenceDefinition sequence;
    if (!HasOnly(node_, kSequenceKeys) || !ReadTime("within", false, sequence.within_ns) || !ReadSteps(sequence)) {
      return std::nullopt;
    }
    return Finish(std::move(sequence));
  }

  std::optional<MemoryDefinition> Aggregate() {
    AggregateDefinition aggregate;
    if (!HasOnly(node_, kAggregateKeys) || !ReadMeasure(aggregate) || !ReadTime("window", false, aggregate.window_ns)) {
      return std::nullopt;
    }
    const YamlNode* over = Need("over", "as in over: 5, 10MiB or 1% of asset.size");
    if (over == nullptr || !IsText(*over, "over")) return std::nullopt;
    aggregate.over = over->scalar;
    return Finish(std::move(aggregate));
  }

  std::optional<MemoryDefinition> Baseline() {
    BaselineDefinition baseline;
    if (!HasOnly(node_, kBaselineKeys)) return std::nullopt;
    const YamlNode* of = Need("of", "the field that is learned");
    if (of == nullptr || !IsText(*of, "of")) return std::nullopt;
    baseline.of = {of->scalar.text(), of->quoted, of->place};
    if (!ReadAlert(baseline) || !ReadTimes(baseline)) return std::nullopt;
    // A level needs something to compare with; what is unseen may be so from the first event on.
    const bool may_be_none = baseline.alert == BaselineDefinition::Alert::kUnseen;
    if (!ReadTime("learn", may_be_none, baseline.learn_ns)) return std::nullopt;
    return Finish(std::move(baseline));
  }

 private:
  void Fail(const Place& place, const std::string& message) {
    item_.Error(place, fmt::format("{}: {}", key_, message));
  }

  const YamlNode* Find(std::string_view key) const {
    for (const YamlPair& pair : node_.pairs) {
      if (pair.key == key) return &pair.value;
    }
    return nullptr;
  }

  const YamlNode* Need(std::string_view key, std::string_view hint) {
    const YamlNode* node = Find(key);
    if (node == nullptr) Fail(node_.place, fmt::format("'{}' is missing, {}", key, hint));
    return node;
  }

  bool HasOnly(const YamlNode& node, std::span<const std::string_view> keys) {
    if (node.kind != YamlNode::Kind::kMapping) {
      Fail(node.place, fmt::format("it is {}", usage_));
      return false;
    }
    for (const YamlPair& pair : node.pairs) {
      if (std::find(keys.begin(), keys.end(), pair.key) != keys.end()) continue;
      const std::vector<std::string_view> names(keys.begin(), keys.end());
      const std::string meant = DidYouMean(NearestNames(pair.key, names));
      Fail(pair.place, fmt::format("unknown key '{}'{}", Printable(pair.key),
                                   meant.empty() ? fmt::format("; it is {}", usage_) : meant));
      return false;
    }
    return true;
  }

  bool IsText(const YamlNode& node, std::string_view key) {
    if (node.kind == YamlNode::Kind::kScalar && !node.scalar.text().empty()) return true;
    Fail(node.place, fmt::format("'{}' must be a plain value", key));
    return false;
  }

  bool ReadTime(std::string_view key, bool may_be_none, int64_t& ns) {
    const YamlNode* node = Need(key, "a time, as in 30s, 10m or 24h");
    if (node == nullptr || !IsText(*node, key)) return false;
    const std::optional<Quantity> time = ParseQuantity(node->scalar.text());
    const bool fits = time && time->of == Quantity::Of::kSeconds && time->value <= kMaxSeconds;
    const auto read = fits ? static_cast<int64_t>(time->value * kNsPerSecond) : -1;
    if (read < (may_be_none ? 0 : 1)) {
      Fail(node->place, fmt::format("'{}' must be a time up to a year, as in 30s, 10m or 24h, not '{}'", key,
                                    Printable(node->scalar.text())));
      return false;
    }
    ns = read;
    return true;
  }

  bool ReadSteps(SequenceDefinition& sequence) {
    const YamlNode* steps = Need("steps", "a list of conditions");
    if (steps == nullptr) return false;
    if (steps->kind != YamlNode::Kind::kSequence) {
      Fail(steps->place, "'steps' must be a list of conditions");
      return false;
    }
    size_t happen = 0;
    for (const YamlNode& node : steps->items) {
      if (!ReadStep(node, sequence)) return false;
      happen += sequence.steps.back().negated ? 0 : 1;
    }
    if (happen < 2 || sequence.steps.size() > SequenceDefinition::kMaxSteps) {
      Fail(steps->place, fmt::format("'steps' takes at least 2 conditions beside those under 'not', and at most {} "
                                     "in all",
                                     SequenceDefinition::kMaxSteps));
      return false;
    }
    // What never happens has no moment to alert at, and before the first step there is no time to look at.
    for (const size_t end : {size_t{0}, sequence.steps.size() - 1}) {
      if (!sequence.steps[end].negated) continue;
      Fail(steps->items[end].place, "a 'not' stands between two steps that happen, neither first nor last");
      return false;
    }
    return true;
  }

  bool ReadStep(const YamlNode& node, SequenceDefinition& sequence) {
    StepDefinition& step = sequence.steps.emplace_back();
    step.negated = node.kind == YamlNode::Kind::kMapping;
    if (step.negated && !HasOnly(node, kStepKeys)) return false;
    const YamlNode& condition = node.pairs.empty() ? node : node.pairs.front().value;
    if (condition.kind != YamlNode::Kind::kScalar || condition.scalar.text().empty()) {
      Fail(condition.place, "a step is a condition, or 'not: condition'");
      return false;
    }
    step.condition = condition.scalar;
    return true;
  }

  bool ReadMeasure(AggregateDefinition& aggregate) {
    using Of = AggregateDefinition::Of;
    constexpr Of kOf[] = {Of::kCount, Of::kRate, Of::kSum, Of::kDistinct};
    size_t found = 0;
    for (size_t i = 0; i < std::size(kMeasures); ++i) {
      const YamlNode* node = Find(kMeasures[i]);
      if (node == nullptr) continue;
      ++found;
      aggregate.of = kOf[i];
      if (!ReadMeasured(*node, kMeasures[i], aggregate)) return false;
    }
    if (found == 1) return true;
    Fail(node_.place, "it needs one of count: true, rate: true, sum: FIELD and distinct: FIELD");
    return false;
  }

  bool ReadMeasured(const YamlNode& node, std::string_view key, AggregateDefinition& aggregate) {
    using Of = AggregateDefinition::Of;
    if (aggregate.of == Of::kSum || aggregate.of == Of::kDistinct) {
      aggregate.field = {node.scalar.text(), node.quoted, node.place};
      return IsText(node, key);
    }
    if (node.kind == YamlNode::Kind::kScalar && node.scalar.text() == "true") return true;
    Fail(node.place, fmt::format("'{0}' counts events and takes no field: {0}: true", key));
    return false;
  }

  bool ReadAlert(BaselineDefinition& baseline) {
    const YamlNode* alert = Need("alert", "unseen or above");
    if (alert == nullptr) return false;
    const std::string& text = alert->scalar.text();
    if (text == "unseen" || text == "above") {
      using Alert = BaselineDefinition::Alert;
      baseline.alert = text == "above" ? Alert::kAbove : Alert::kUnseen;
      return true;
    }
    Fail(alert->place, fmt::format("'alert' is unseen or above, not '{}'", Printable(text)));
    return false;
  }

  bool ReadTimes(BaselineDefinition& baseline) {
    const YamlNode* node = Find("times");
    if (baseline.alert == BaselineDefinition::Alert::kUnseen) {
      if (node != nullptr) Fail(node->place, "'times' goes with alert: above");
      return node == nullptr;
    }
    if (node == nullptr) node = Need("times", "as in times: 10, the factor over the highest value learned");
    if (node == nullptr) return false;
    const std::optional<Quantity> times = ParseQuantity(node->scalar.text());
    if (!times || times->of != Quantity::Of::kPlain || times->value < 1) {
      Fail(node->place, "'times' must be a number from 1 on, as in 10");
      return false;
    }
    baseline.times = times->value;
    return true;
  }

  template <typename What>
  std::optional<MemoryDefinition> Finish(What what) {
    MemoryDefinition memory{.place = node_.place, .by = {}, .what = std::move(what)};
    if (const YamlNode* by = Find("by")) memory.by = item_.ItemsOf(*by, fmt::format("{} by", key_));
    if (memory.by.size() > kMaxKeyFields) Fail(node_.place, fmt::format("'by' has more than {} fields", kMaxKeyFields));
    if (!item_.ok()) return std::nullopt;
    return memory;
  }

  ItemReader& item_;
  const char* const key_;
  const YamlNode& node_;
  const char* const usage_;
};

struct Form {
  const char* key;
  const char* usage;
  std::optional<MemoryDefinition> (MemoryReader::*read)();
};

constexpr Form kForms[] = {
    {"sequence", "{by: [fields], within: 5m, steps: [condition, condition, ...]}", &MemoryReader::Sequence},
    {"aggregate", "{distinct: FIELD, by: [fields], window: 10m, over: 5}", &MemoryReader::Aggregate},
    {"baseline", "{of: FIELD, by: [fields], learn: 24h, alert: unseen}", &MemoryReader::Baseline},
};

}  // namespace

void ReadMemory(ItemReader& item, std::optional<MemoryDefinition>& memory) {
  const char* earlier = nullptr;
  for (const Form& form : kForms) {
    const YamlNode* node = item.Find(form.key);
    if (node == nullptr) continue;
    if (earlier != nullptr) {
      return item.Error(node->place, fmt::format("'{}' and '{}' exclude each other", earlier, form.key));
    }
    earlier = form.key;
    MemoryReader reader(item, form.key, *node, form.usage);
    memory = (reader.*form.read)();
  }
}

}  // namespace tensorwarden::rules
