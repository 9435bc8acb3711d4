#include "agent/sensor/loss_ledger.h"

namespace tensorwarden {

std::map<std::string, LossLedger::Top> LossLedger::Take(const std::vector<LoserTotal>& totals) {
  std::map<std::string, Top> tops;
  absl::flat_hash_map<std::pair<ProcessKey, std::string>, uint64_t> now;
  for (const LoserTotal& total : totals) {
    const auto key = std::pair(total.process, total.kind);
    now[key] = total.lost;
    const auto before = seen_.find(key);
    // Below what it was: the kernel's map had dropped the entry and began anew.
    const bool grown = before != seen_.end() && total.lost >= before->second;
    const uint64_t fresh = grown ? total.lost - before->second : total.lost;
    if (fresh == 0) continue;
    Top& top = tops[total.kind];
    if (fresh > top.lost || (fresh == top.lost && total.process < top.process)) top = {total.process, fresh};
  }
  seen_ = std::move(now);
  return tops;
}

}  // namespace tensorwarden
