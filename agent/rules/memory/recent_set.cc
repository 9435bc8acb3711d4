#include "agent/rules/memory/recent_set.h"

#include <algorithm>

namespace tensorwarden::rules {

RecentSet::Seen RecentSet::Add(const ValueHash& value, int64_t now_ns, size_t max_size) {
  // From the newest back: what comes often is found at once.
  const auto known = std::find_if(values_.rbegin(), values_.rend(), [&](const Value& v) { return v.hash == value; });
  if (known != values_.rend()) {
    const auto at = std::prev(known.base());
    std::rotate(at, at + 1, values_.end());
    values_.back().seen_ns = now_ns;
    return Seen::kBefore;
  }
  const bool full = values_.size() >= max_size;
  if (full) values_.erase(values_.begin());
  values_.push_back({value, now_ns});
  return full ? Seen::kNewForAnother : Seen::kNew;
}

void RecentSet::ForgetUntil(int64_t ns) {
  const auto kept = std::find_if(values_.begin(), values_.end(), [&](const Value& v) { return v.seen_ns > ns; });
  values_.erase(values_.begin(), kept);
}

void RecentSet::Save(StateWriter& writer) const {
  writer.Number(values_.size());
  for (const Value& value : values_) {
    rules::Save(writer, value.hash);
    SaveTime(writer, value.seen_ns);
  }
}

void RecentSet::Restore(StateReader& reader, size_t max_size, int64_t shift_ns) {
  values_.clear();
  for (size_t left = reader.Count(RuleMemoryLimits::kMost); left > 0 && reader.ok(); --left) {
    const ValueHash hash = RestoreHash(reader);
    const int64_t seen_ns = BoundedTime(RestoreTime(reader) + shift_ns);
    if (reader.ok()) Add(hash, seen_ns, max_size);
  }
}

}  // namespace tensorwarden::rules
