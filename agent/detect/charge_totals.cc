#include "agent/detect/charge_totals.h"

#include <algorithm>

namespace tensorwarden {

uint64_t ChargeTotals::New(const Origin& origin, const Egress& egress) {
  const Key key{origin.process, egress.cookie, egress.label};
  const auto [total, is_new] = totals_.TryEmplace(key);
  if (is_new) {
    *total = {egress.bytes, origin.ktime_ns};
    // After an eviction this may be an old acquaintance, whose total was charged: then only the growth counts.
    return totals_.Evicted() == 0 ? egress.bytes : std::min(egress.delta, egress.bytes);
  }
  if (egress.bytes >= total->bytes) {
    const uint64_t grown = egress.bytes - total->bytes;
    *total = {egress.bytes, std::max(total->ktime_ns, origin.ktime_ns)};
    return grown;
  }
  // Less than before: late, or the first report of a new count, when the kernel's map had dropped the old one.
  const bool restarted = egress.delta == egress.bytes && origin.ktime_ns > total->ktime_ns;
  if (!restarted) return 0;
  *total = {egress.bytes, origin.ktime_ns};
  return egress.bytes;
}

}  // namespace tensorwarden
