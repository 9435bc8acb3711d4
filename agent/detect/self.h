// Self: times when the agent saw nothing or too little. An attacker's first step may be to cause one.
#pragma once

#include <absl/time/time.h>

#include <memory>

#include "agent/detect/detector.h"

namespace tensorwarden {

struct SelfConfig {
  absl::Duration blind = absl::Seconds(5);  // between the last save and this start: longer is reported
  uint64_t bulk_loss = 10'000;              // records of a bulk kind; fewer are a burst
};

std::unique_ptr<Detector> CreateSelfDetector(SelfConfig config);

}  // namespace tensorwarden
