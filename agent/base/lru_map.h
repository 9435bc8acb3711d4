// A map with a bound: the least recently used entry goes, and is counted.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <tuple>
#include <utility>

namespace tensorwarden {

template <typename Key, typename Value>
class LruMap {
 public:
  using Entry = std::pair<const Key, Value>;

  explicit LruMap(size_t max_size) : max_size_(max_size) {}

  // Counts as a use. nullptr when absent.
  Value* Find(const Key& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    order_.splice(order_.end(), order_, it->second);
    return &it->second->second;
  }

  // The entry of `key`, made from `args` when absent.
  template <typename... Args>
  std::pair<Value*, bool> TryEmplace(const Key& key, Args&&... args) {
    if (Value* known = Find(key)) return {known, false};
    if (order_.size() >= max_size_) {
      if (on_evict_) on_evict_(order_.front());
      PopOldest();
      ++evicted_;
    }
    order_.emplace_back(std::piecewise_construct, std::forward_as_tuple(key),
                        std::forward_as_tuple(std::forward<Args>(args)...));
    index_.emplace(key, std::prev(order_.end()));
    return {&order_.back().second, true};
  }

  // Of a map that is not empty.
  Entry& Oldest() { return order_.front(); }
  void PopOldest() {
    index_.erase(order_.front().first);
    order_.pop_front();
  }

  void Clear() {
    index_.clear();
    order_.clear();
  }
  template <typename Predicate>
  void EraseIf(Predicate predicate) {
    for (auto entry = order_.begin(); entry != order_.end();) {
      if (!predicate(*entry)) {
        ++entry;
        continue;
      }
      index_.erase(entry->first);
      entry = order_.erase(entry);
    }
  }
  // With a map of the same bound; what each calls for an entry that makes room stays its own.
  void SwapEntries(LruMap& other) {
    order_.swap(other.order_);
    index_.swap(other.index_);
    std::swap(evicted_, other.evicted_);
  }
  size_t Size() const { return order_.size(); }
  uint64_t Evicted() const { return evicted_; }
  // Least recently used first.
  const std::list<Entry>& Entries() const { return order_; }
  std::list<Entry>& Entries() { return order_; }
  // Called with each entry that has to make room.
  void OnEvict(std::function<void(Entry&)> on_evict) { on_evict_ = std::move(on_evict); }

 private:
  size_t max_size_;
  uint64_t evicted_ = 0;
  std::list<Entry> order_;
  absl::flat_hash_map<Key, typename std::list<Entry>::iterator> index_;
  std::function<void(Entry&)> on_evict_;
};

}  // namespace tensorwarden
