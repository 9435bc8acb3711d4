// Stateful code for what one condition cannot say. Events in, findings out; only rules raise alerts.
#pragma once

#include <absl/status/status.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/enrich/enriched_event.h"
#include "agent/enrich/kinds.h"

namespace tensorwarden {

class Detector {
 public:
  virtual ~Detector() = default;
  virtual std::string_view Name() const = 0;
  // The kinds that it looks at: it is shown no others, and the sensor is asked for these whatever the rules are.
  virtual KindSet Needs() const = 0;
  // Appends findings. Time comes from the event's origin only.
  virtual void Observe(const EnrichedEvent& event, std::vector<Finding>& findings) = 0;
  // State that must survive a restart (budgets, histories), and taking it back.
  // Restore: DataLoss when `state` is not this detector's; it then starts empty.
  virtual std::string Save() const { return {}; }
  virtual absl::Status Restore(std::string_view /*state*/) { return absl::OkStatus(); }
};

}  // namespace tensorwarden
