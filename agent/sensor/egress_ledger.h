// Which charged bytes were told already, so that records and samples add up to the kernel's totals.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <tuple>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/kernel_maps.h"

namespace tensorwarden {

// Holds as many entries as the kernel's map: what is gone there is forgotten with the next sample.
class EgressLedger {
 public:
  // A record from the ring: its delta becomes what is new since the last record or sample.
  void Take(const ProcessKey& process, Egress& egress);
  // All totals of now: an event for each that grew.
  void Sample(const std::vector<EgressTotal>& totals, uint64_t now_ns, std::vector<Event>& events);

 private:
  using Key = std::tuple<uint64_t, uint32_t, ProcessKey>;  // cookie, label, process
  absl::flat_hash_map<Key, uint64_t> told_;
};

}  // namespace tensorwarden
