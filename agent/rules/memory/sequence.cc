// Of each key and each step but the last, one time is kept: when the latest course of events began that has come as far
// as that step. A later beginning can do all that an earlier one can, so this finds a course whenever there is one, and
// nobody hides one by repeating a step.
#include "agent/rules/memory/sequence.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/rules/memory/key_table.h"

namespace tensorwarden::rules {
namespace {

constexpr int64_t kNone = -kMaxTime;

struct State {
  std::vector<int64_t> began_ns;  // by step; kNone where none has come that far
  size_t Values() const { return 0; }
};

class Sequence final : public RuleMemory {
 public:
  Sequence(std::vector<SequenceStep> steps, int64_t within_ns, const RuleMemoryLimits& limits)
      : steps_(std::move(steps)), within_ns_(within_ns), table_(limits) {}

  std::optional<std::string> Take(uint32_t hits, const ValueHash& key, const SlotTable&, FieldCache&,
                                  int64_t now_ns) override {
    State* state = table_.Find(key);
    if (state == nullptr) {
      if ((hits & steps_.front().happens) == 0) return std::nullopt;
      const auto has_run_out = [&](const State& s) { return !IsOpen(s, now_ns); };
      state = table_.Get(key, has_run_out).first;
      state->began_ns.assign(steps_.size() - 1, kNone);
    }
    return Advance(hits, *state, now_ns);
  }

  size_t Save(StateWriter& writer, size_t max_bytes) const override {
    return table_.Save(writer, max_bytes, [&](const State& state) {
      for (const int64_t began_ns : state.began_ns) SaveTime(writer, began_ns);
    });
  }

  bool Restore(StateReader& reader, int64_t shift_ns) override {
    return table_.Restore(reader, [&](State& state) {
      for (size_t i = 1; i < steps_.size(); ++i) {
        state.began_ns.push_back(BoundedTime(RestoreTime(reader) + shift_ns));
      }
    });
  }

  void TakeOver(RuleMemory& former) override {
    auto& other = static_cast<Sequence&>(former);
    table_.Swap(other.table_);
  }

  void Clear() override { table_.Clear(); }

  RuleMemoryStats Stats() const override { return {.keys = table_.Keys(), .evicted_keys = table_.EvictedKeys()}; }

 private:
  bool IsRecent(int64_t began_ns, int64_t now_ns) const { return began_ns != kNone && now_ns - began_ns <= within_ns_; }

  bool IsOpen(const State& state, int64_t now_ns) const {
    return std::any_of(state.began_ns.begin(), state.began_ns.end(),
                       [&](int64_t began_ns) { return IsRecent(began_ns, now_ns); });
  }

  // From the last step back, so that one event is one step of a course. What an event bars, it bars between others:
  // it may itself be the step before or after.
  std::optional<std::string> Advance(uint32_t hits, State& state, int64_t now_ns) const {
    const size_t last = steps_.size() - 1;
    for (size_t i = last; i > 0; --i) {
      int64_t& began_ns = state.began_ns[i - 1];
      if ((hits & steps_[i].happens) != 0 && IsRecent(began_ns, now_ns)) {
        if (i == last) return Fire(state, now_ns);
        state.began_ns[i] = began_ns;
      }
      if ((hits & steps_[i].barred) != 0) began_ns = kNone;
    }
    if ((hits & steps_[0].happens) != 0) state.began_ns[0] = now_ns;
    return std::nullopt;
  }

  // What led here is used up: the key starts anew.
  std::optional<std::string> Fire(State& state, int64_t now_ns) const {
    const int64_t began_ns = state.began_ns.back();
    std::fill(state.began_ns.begin(), state.began_ns.end(), kNone);
    return fmt::format("{} steps in order within {}", steps_.size(), TimeText(now_ns - began_ns));
  }

  const std::vector<SequenceStep> steps_;
  const int64_t within_ns_;
  KeyTable<State> table_;
};

}  // namespace

std::unique_ptr<RuleMemory> MakeSequence(std::vector<SequenceStep> steps, int64_t within_ns,
                                         const RuleMemoryLimits& limits) {
  return std::make_unique<Sequence>(std::move(steps), within_ns, limits);
}

}  // namespace tensorwarden::rules
