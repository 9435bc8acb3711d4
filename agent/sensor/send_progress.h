// What is on its way within a call that has not ended: probes count a send when it returns, and one call may carry a
// whole model.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/kernel_maps.h"
#include "agent/sensor/loader.h"

namespace tensorwarden {

// TCP sockets count for themselves what they have sent. Bound: 4 096 carriers' sockets are looked at, 65 536 sockets
// remembered; beyond it the calls are counted when they end.
class SendProgress {
 public:
  SendProgress(const LoadedProbes& probes, const KernelMaps& maps) : probes_(probes), maps_(maps) {}

  // The process is a carrier from now on: what its sockets have sent before is nobody's business.
  void Begin(const ProcessKey& process);
  void End(const ProcessKey& process);

  // Raises the totals of the carriers' sockets to what has left them, and adds those that have none yet.
  void Add(std::vector<EgressTotal>& all);

 private:
  using Bases = absl::flat_hash_map<uint64_t, uint64_t>;  // cookie -> bytes sent before

  using Stream = std::pair<uint64_t, uint32_t>;  // cookie, label
  struct Totals {
    std::vector<EgressTotal>& all;
    absl::flat_hash_map<std::pair<ProcessKey, Stream>, size_t> index = {};
    absl::flat_hash_map<Stream, uint64_t> counted = {};  // by whomever: several processes may have one socket
  };

  std::vector<ProcessKey> YoungestFirst() const;
  void AddOf(const ProcessKey& process, const Bases& bases, Totals& totals) const;
  // The total of this process and socket; a new one has no bytes.
  EgressTotal& Of(const ProcessKey& process, const holder_file_record& file, uint32_t label, uint64_t volume,
                  Totals& totals) const;

  const LoadedProbes& probes_;
  const KernelMaps& maps_;
  absl::flat_hash_map<ProcessKey, Bases> carriers_;
  size_t sockets_ = 0;
};

}  // namespace tensorwarden
