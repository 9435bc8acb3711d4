// Extraction: one client asks far more, or far more alike, than people do.
//
// A rung of the volume ladder alone is low (score 0.3); growth over the client's own history makes it medium (0.6);
// a shape signal (one template with ever new fillings) makes it high (0.9). Findings: `volume`, `burst`, `template`;
// each rung once per client and window.
//
// A burst is more than burst_requests in burst_window, eightfold and history_sigma deviations over what is usual for
// the client. A client younger than ten minutes has no usual; it counts as one that was silent only if the agent had
// watched for ten minutes before it came: after a start everybody is new, and a busy client is no burst for that.
//
// Memory: about 2.2 KiB per full record (after 16 requests), 32 bytes per summary: 20 MiB at the defaults, whatever
// number of clients comes.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/detect/detector.h"

namespace tensorwarden {

struct ExtractionConfig {
  std::vector<uint64_t> ladder = {1000, 10'000, 100'000, 1'000'000};  // requests per client in `window`
  absl::Duration window = absl::Hours(24 * 7);
  uint64_t burst_requests = 300;  // more than this in burst_window, and over own history: a burst
  absl::Duration burst_window = absl::Minutes(2);
  double history_sigma = 8;               // robust deviations over own history that count as growth
  uint64_t template_min_requests = 2000;  // shape is judged from here on
  double template_share = 0.6;            // of one body prefix ...
  double template_distinct = 0.98;        // ... while whole bodies are nearly all distinct
  size_t max_clients = 8192;              // full records; evicted ones leave a summary
  size_t max_summaries = 65536;
};

absl::StatusOr<std::unique_ptr<Detector>> CreateExtractionDetector(ExtractionConfig config);

}  // namespace tensorwarden
