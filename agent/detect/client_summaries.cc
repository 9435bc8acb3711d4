#include "agent/detect/client_summaries.h"

#include <xxhash.h>

#include <algorithm>

namespace tensorwarden {

ClientSummaries::ClientSummaries(size_t max_summaries, uint64_t window_ns)
    : window_ns_(window_ns), slots_(std::max<size_t>(1, max_summaries / kWays) * kWays) {}

ClientSummary& ClientSummaries::Touch(std::string_view client, uint64_t now_ns) {
  const uint64_t hash = std::max<uint64_t>(1, XXH3_64bits(client.data(), client.size()));
  ClientSummary* set = &slots_[hash % (slots_.size() / kWays) * kWays];
  ClientSummary* victim = set;
  const auto worth = [&](const ClientSummary& s) { return s.last_ns + window_ns_ < now_ns ? 0 : s.requests; };
  for (ClientSummary* slot = set; slot < set + kWays; ++slot) {
    if (slot->hash == hash) {
      if (slot->last_ns + window_ns_ < now_ns) *slot = {hash, now_ns, now_ns, 0, 0};
      slot->last_ns = std::max(slot->last_ns, now_ns);
      return *slot;
    }
    if (worth(*slot) < worth(*victim)) victim = slot;
  }
  evicted_ += worth(*victim) > 0;
  *victim = {hash, now_ns, now_ns, 0, 0};
  return *victim;
}

}  // namespace tensorwarden
