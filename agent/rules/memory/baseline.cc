#include "agent/rules/memory/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/rules/memory/key_table.h"
#include "agent/rules/memory/recent_set.h"

namespace tensorwarden::rules {
namespace {

using Alert = BaselineDefinition::Alert;

struct State {
  int64_t began_ns = 0;  // of learning
  RecentSet known;
  double level = 0;  // highest value learned
  size_t Values() const { return known.size(); }
};

class Baseline final : public RuleMemory {
 public:
  explicit Baseline(const BaselineSpec& spec) : spec_(spec), table_(spec.limits) {}

  std::optional<std::string> Take(uint32_t, const ValueHash& key, const SlotTable& slots, FieldCache& cache,
                                  int64_t now_ns) override {
    const FieldValue& value = cache.Get(slots, spec_.of);
    if (!HashOf(value)) {  // missing, not known, or an empty list
      ++uncounted_;
      return std::nullopt;
    }
    const auto [state, is_new] = table_.Get(key, [](const State&) { return false; });
    if (is_new) state->began_ns = now_ns;
    const int64_t age_ns = now_ns - state->began_ns;
    const std::string& name = slots[spec_.of].name;
    return spec_.alert == Alert::kUnseen ? TakeValue(*state, name, value, age_ns, now_ns)
                                         : TakeLevel(*state, name, value, age_ns);
  }

  bool OutlivesBoot() const override { return true; }

  size_t Save(StateWriter& writer, size_t max_bytes) const override {
    return table_.Save(writer, max_bytes, [&](const State& state) {
      SaveTime(writer, state.began_ns);
      spec_.alert == Alert::kUnseen ? state.known.Save(writer) : writer.Real(state.level);
    });
  }

  bool Restore(StateReader& reader, int64_t shift_ns) override {
    return table_.Restore(reader, [&](State& state) {
      state.began_ns = BoundedTime(RestoreTime(reader) + shift_ns);
      if (spec_.alert == Alert::kUnseen) {
        state.known.Restore(reader, spec_.limits.values_per_key, shift_ns);
      } else {
        state.level = reader.Real();
      }
    });
  }

  void TakeOver(RuleMemory& former) override {
    auto& other = static_cast<Baseline&>(former);
    table_.Swap(other.table_);
    std::swap(evicted_values_, other.evicted_values_);
    std::swap(uncounted_, other.uncounted_);
  }

  void Clear() override { table_.Clear(); }

  RuleMemoryStats Stats() const override {
    return {.keys = table_.Keys(),
            .values = table_.Values(),
            .evicted_keys = table_.EvictedKeys(),
            .evicted_values = evicted_values_,
            .uncounted = uncounted_};
  }

 private:
  // What has been alerted is known from then on.
  std::optional<std::string> TakeValue(State& state, const std::string& name, const FieldValue& value, int64_t age_ns,
                                       int64_t now_ns) {
    std::optional<std::string> unseen;
    table_.Update(state, [&](State& s) {
      VisitValues(value, [&](const ValueHash& hash, const FieldValue& element) {
        const RecentSet::Seen seen = s.known.Add(hash, now_ns, spec_.limits.values_per_key);
        evicted_values_ += seen == RecentSet::Seen::kNewForAnother ? 1 : 0;
        if (seen == RecentSet::Seen::kBefore || age_ns < spec_.learn_ns || unseen) return;
        unseen = fmt::format("{} {} was not seen in {}", name, Printable(FieldText(element)), TimeText(age_ns));
      });
    });
    return unseen;
  }

  // The level stands once it is learned, or small steps would carry it anywhere; an alert lifts it.
  std::optional<std::string> TakeLevel(State& state, const std::string& name, const FieldValue& value,
                                       int64_t age_ns) const {
    const double* number = std::get_if<double>(&value);
    if (number == nullptr || !std::isfinite(*number)) return std::nullopt;
    if (age_ns < spec_.learn_ns) {
      state.level = std::max(state.level, *number);
      return std::nullopt;
    }
    const double level = state.level;
    if (!(*number > spec_.times * level)) return std::nullopt;
    state.level = *number;
    return fmt::format("{} is {}, over {} times the {} known", name, NumberText(*number), NumberText(spec_.times),
                       NumberText(level));
  }

  const BaselineSpec spec_;
  KeyTable<State> table_;
  uint64_t evicted_values_ = 0;
  uint64_t uncounted_ = 0;
};

}  // namespace

std::unique_ptr<RuleMemory> MakeBaseline(const BaselineSpec& spec) { return std::make_unique<Baseline>(spec); }

}  // namespace tensorwarden::rules
