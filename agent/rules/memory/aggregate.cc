#include "agent/rules/memory/aggregate.h"

#include <fmt/format.h>

#include <cmath>

#include "agent/rules/memory/key_table.h"
#include "agent/rules/memory/recent_set.h"
#include "agent/rules/memory/sliding_sum.h"

namespace tensorwarden::rules {
namespace {

using Of = AggregateDefinition::Of;

constexpr double kNsPerSecond = 1e9;

struct State {
  SlidingSum sum;
  RecentSet distinct;
  int64_t last_ns = -kMaxTime;
  int64_t fired_ns = -kMaxTime;  // long ago: not yet
  size_t Values() const { return distinct.size(); }
};

class Aggregate final : public RuleMemory {
 public:
  explicit Aggregate(const AggregateSpec& spec)
      : spec_(spec),
        bucket_ns_(SlidingSum::BucketNs(spec.window_ns)),
        most_distinct_(spec.of == Of::kDistinct ? static_cast<size_t>(std::floor(spec.over)) + 1 : 0),
        table_(spec.limits) {}

  std::optional<std::string> Take(uint32_t, const ValueHash& key, const SlotTable& slots, FieldCache& cache,
                                  int64_t now_ns) override {
    if (!HasAmount(slots, cache)) {
      ++uncounted_;
      return std::nullopt;
    }
    const auto has_run_out = [&](const State& s) { return s.last_ns <= now_ns - spec_.window_ns; };
    State& state = *table_.Get(key, has_run_out).first;
    table_.Update(state, [&](State& s) { CountIn(s, slots, cache, now_ns); });
    return Judge(state, slots, cache, now_ns);
  }

  size_t Save(StateWriter& writer, size_t max_bytes) const override {
    return table_.Save(writer, max_bytes, [&](const State& state) {
      SaveTime(writer, state.last_ns);
      SaveTime(writer, state.fired_ns);
      spec_.of == Of::kDistinct ? state.distinct.Save(writer) : state.sum.Save(writer);
    });
  }

  bool Restore(StateReader& reader, int64_t shift_ns) override {
    return table_.Restore(reader, [&](State& state) {
      state.last_ns = BoundedTime(RestoreTime(reader) + shift_ns);
      state.fired_ns = BoundedTime(RestoreTime(reader) + shift_ns);
      spec_.of == Of::kDistinct ? state.distinct.Restore(reader, most_distinct_, shift_ns) : state.sum.Restore(reader);
    });
  }

  void TakeOver(RuleMemory& former) override {
    auto& other = static_cast<Aggregate&>(former);
    table_.Swap(other.table_);
    std::swap(uncounted_, other.uncounted_);
  }

  void Clear() override { table_.Clear(); }

  RuleMemoryStats Stats() const override {
    return {.keys = table_.Keys(),
            .values = table_.Values(),
            .evicted_keys = table_.EvictedKeys(),
            .uncounted = uncounted_};
  }

 private:
  bool HasAmount(const SlotTable& slots, FieldCache& cache) const {
    if (spec_.of == Of::kCount || spec_.of == Of::kRate) return true;
    return HashOf(cache.Get(slots, spec_.field)).has_value();
  }

  void CountIn(State& state, const SlotTable& slots, FieldCache& cache, int64_t now_ns) const {
    state.last_ns = now_ns;
    if (spec_.of == Of::kDistinct) {
      state.distinct.ForgetUntil(now_ns - spec_.window_ns);
      VisitValues(cache.Get(slots, spec_.field),
                  [&](const ValueHash& hash, const FieldValue&) { state.distinct.Add(hash, now_ns, most_distinct_); });
      return;
    }
    const double* amount = spec_.of == Of::kSum ? std::get_if<double>(&cache.Get(slots, spec_.field)) : nullptr;
    state.sum.Add(now_ns, amount == nullptr ? 1 : *amount, bucket_ns_);
  }

  double ValueOf(const State& state) const {
    if (spec_.of == Of::kDistinct) return static_cast<double>(state.distinct.size());
    const double sum = state.sum.Sum();
    return spec_.of == Of::kRate ? sum / (static_cast<double>(spec_.window_ns) / kNsPerSecond) : sum;
  }

  // nullopt when it is a share of what the event does not know.
  std::optional<double> Threshold(const SlotTable& slots, FieldCache& cache) const {
    if (!spec_.over_of) return spec_.over;
    const double* whole = std::get_if<double>(&cache.Get(slots, *spec_.over_of));
    if (whole == nullptr || std::isnan(*whole)) return std::nullopt;
    return spec_.over * *whole;
  }

  // Once a window for a key: a value that stays over the threshold, or moves around it, is one matter.
  std::optional<std::string> Judge(State& state, const SlotTable& slots, FieldCache& cache, int64_t now_ns) const {
    const std::optional<double> threshold = Threshold(slots, cache);
    const double value = ValueOf(state);
    if (!threshold || !(value > *threshold) || now_ns < state.fired_ns + spec_.window_ns) return std::nullopt;
    state.fired_ns = now_ns;
    return Sentence(slots, value, *threshold);
  }

  std::string Sentence(const SlotTable& slots, double value, double threshold) const {
    const std::string window = TimeText(spec_.window_ns), over = NumberText(threshold);
    switch (spec_.of) {
      case Of::kCount:
        return fmt::format("{} events within {}, over {}", NumberText(value), window, over);
      case Of::kRate:
        return fmt::format("{} events per second over {}, over {}", NumberText(value), window, over);
      case Of::kSum:
        return fmt::format("{} adds up to {} within {}, over {}", slots[spec_.field].name, NumberText(value), window,
                           over);
      case Of::kDistinct:
        return fmt::format("more than {} different {} within {}", over, slots[spec_.field].name, window);
    }
    return "";
  }

  const AggregateSpec spec_;
  const int64_t bucket_ns_;
  const size_t most_distinct_;
  KeyTable<State> table_;
  uint64_t uncounted_ = 0;
};

}  // namespace

std::unique_ptr<RuleMemory> MakeAggregate(const AggregateSpec& spec) { return std::make_unique<Aggregate>(spec); }

}  // namespace tensorwarden::rules
