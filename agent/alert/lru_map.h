// A map by text with a bound: the entry that was touched longest ago goes, and is counted.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <list>
#include <string>
#include <utility>

namespace tensorwarden {

template <class V>
class LruMap {
 public:
  struct Entry {
    std::string key;
    V value;
  };

  explicit LruMap(size_t capacity) : capacity_(capacity) {}

  // nullptr when absent. Touches.
  V* Find(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.end(), entries_, found->second);
    return &found->second->value;
  }

  // `key` must be absent.
  V& Insert(const std::string& key, V value) {
    if (entries_.size() == capacity_) {
      ++evicted_;
      PopOldest();
    }
    entries_.push_back({key, std::move(value)});
    index_.emplace(key, std::prev(entries_.end()));
    return entries_.back().value;
  }

  bool Empty() const { return entries_.empty(); }
  size_t Size() const { return entries_.size(); }
  uint64_t Evicted() const { return evicted_; }
  V& Oldest() { return entries_.front().value; }

  void PopOldest() {
    index_.erase(entries_.front().key);
    entries_.pop_front();
  }

  // Oldest first; does not touch.
  template <class F>
  void ForEach(F&& f) {
    for (Entry& entry : entries_) f(entry.value);
  }

 private:
  const size_t capacity_;
  std::list<Entry> entries_;  // longest untouched first
  absl::flat_hash_map<std::string, typename std::list<Entry>::iterator> index_;
  uint64_t evicted_ = 0;
};

}  // namespace tensorwarden
