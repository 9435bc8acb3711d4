// Egress: labelled bytes that left the host, as a share of the asset, over sliding windows.
//
// Charged: bytes that carriers sent over sockets that they connected out, or that were accepted outside serving
// ports, to another host (loopback is counted apart and never fires). The budget is a ladder of shares per label and
// destination class; windows make a slow leak count like a fast one, and a theft split over processes, sockets and
// destinations is one. Findings: `upload`, keyed by asset set, class and job, or by a part of that (see
// egress_parts.h); `serving_port`. A job climbs the ladder by its own bytes; the job whose bytes bring the common
// budget of all jobs to a new rung is named for that.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/detect/detector.h"

namespace tensorwarden {

struct EgressConfig {
  std::vector<double> ladder = {0.01, 0.10, 0.50, 1.00};  // shares of the asset; ascending, in (0, 1]
  std::vector<absl::Duration> windows = {absl::Minutes(1), absl::Hours(1), absl::Hours(24), absl::Hours(24 * 7)};
  uint64_t min_bytes = 256 << 10;  // below this no rung fires: it is telemetry
  size_t max_budgets = 4096;       // (label, destination class) pairs, and jobs; the least recently charged goes
  size_t max_sockets = 65536;      // (label, process, socket) totals, to tell what is new in a sample
  double serving_share = 0.5;      // of the asset, sent to one peer through a serving port, within 24 h
};

absl::StatusOr<std::unique_ptr<Detector>> CreateEgressDetector(EgressConfig config);

}  // namespace tensorwarden
