// Who made the records that were lost since the last look.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/sensor/kernel_maps.h"

namespace tensorwarden {

class LossLedger {
 public:
  struct Top {
    ProcessKey process;
    uint64_t lost = 0;
  };

  // The process that lost most records of each kind since the call before; kinds that lost none are not there. Of equal
  // ones, the process with the smaller key.
  std::map<std::string, Top> Take(const std::vector<LoserTotal>& totals);

 private:
  absl::flat_hash_map<std::pair<ProcessKey, std::string>, uint64_t> seen_;  // as many as the kernel's map has
};

}  // namespace tensorwarden
