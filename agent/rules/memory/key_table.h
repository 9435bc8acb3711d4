// State by key, bounded by keys and by the values that all of them hold together. What was used least recently goes
// and is counted, unless it has run out anyway.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "agent/base/lru_map.h"
#include "agent/rules/memory/memory.h"

namespace tensorwarden::rules {

// `State` has size_t Values() const: how many values it holds.
template <typename State>
class KeyTable {
 public:
  explicit KeyTable(const RuleMemoryLimits& limits) : limits_(limits), states_(limits.keys) {
    states_.OnEvict([this](auto& entry) { values_ -= entry.second.Values(); });
  }

  // nullptr when absent. Counts as a use.
  State* Find(const ValueHash& key) { return states_.Find(key); }

  // The state of `key`, made when absent. Makes room by what `has_run_out` first: nothing is lost with it.
  template <typename HasRunOut>
  std::pair<State*, bool> Get(const ValueHash& key, HasRunOut has_run_out) {
    if (State* known = states_.Find(key)) return {known, false};
    while (states_.Size() > 0 && has_run_out(states_.Oldest().second)) Drop();
    return states_.TryEmplace(key);
  }

  // Calls `change` with the state, which Get() returned last, and keeps the count of values.
  template <typename Change>
  void Update(State& state, Change change) {
    values_ -= state.Values();
    change(state);
    values_ += state.Values();
    while (values_ > limits_.values && states_.Size() > 1) {
      Drop();
      ++crowded_out_;
    }
  }

  // Writes what `save` writes of each state, newest first. Returns how many did not fit.
  template <typename SaveState>
  size_t Save(StateWriter& writer, size_t max_bytes, SaveState save) const {
    size_t left = states_.Size();
    for (auto entry = states_.Entries().rbegin(); entry != states_.Entries().rend(); ++entry) {
      if (writer.size() >= max_bytes) break;
      writer.Number(1);
      rules::Save(writer, entry->first);
      save(entry->second);
      --left;
    }
    writer.Number(0);
    return left;
  }

  template <typename RestoreState>
  bool Restore(StateReader& reader, RestoreState restore) {
    std::vector<std::pair<ValueHash, State>> read;
    while (reader.Number() == 1 && reader.ok()) {
      const ValueHash key = RestoreHash(reader);
      State state;
      restore(state);
      read.emplace_back(key, std::move(state));
    }
    states_.Clear();
    values_ = 0;
    if (!reader.AtEnd()) return false;
    for (auto entry = read.rbegin(); entry != read.rend(); ++entry) {
      const auto [state, is_new] = states_.TryEmplace(entry->first);
      if (is_new) Update(*state, [&](State& s) { s = std::move(entry->second); });
    }
    return true;
  }

  // Of a table with the same limits.
  void Swap(KeyTable& other) {
    states_.SwapEntries(other.states_);
    std::swap(values_, other.values_);
    std::swap(crowded_out_, other.crowded_out_);
  }
  void Clear() {
    states_.Clear();
    values_ = 0;
  }

  size_t Keys() const { return states_.Size(); }
  size_t Values() const { return values_; }
  uint64_t EvictedKeys() const { return states_.Evicted() + crowded_out_; }

 private:
  void Drop() {
    values_ -= states_.Oldest().second.Values();
    states_.PopOldest();
  }

  const RuleMemoryLimits limits_;
  LruMap<ValueHash, State> states_;
  size_t values_ = 0;
  uint64_t crowded_out_ = 0;
};

}  // namespace tensorwarden::rules
