// The table of detectors: a new one is one line in detectors.cc.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <vector>

#include "agent/detect/detector.h"
#include "agent/detect/egress.h"
#include "agent/detect/extraction.h"
#include "agent/detect/integrity.h"

namespace tensorwarden {

using Detectors = std::vector<std::unique_ptr<Detector>>;

// Errors: the factories'; the message names the setting.
absl::StatusOr<Detectors> CreateDetectors(EgressConfig egress, IntegrityConfig integrity, ExtractionConfig extraction);

// The state of all as one opaque text, and taking it back: call it on StateRestored, before the detectors observe it.
std::string SaveDetectors(const Detectors& detectors);
// Errors: DataLoss naming the detectors that start empty; the others have taken theirs. An empty state is no error.
absl::Status RestoreDetectors(std::string_view state, const Detectors& detectors);

}  // namespace tensorwarden
