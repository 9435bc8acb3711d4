// Integrity: a protected inode, or the name it was known by, changed, and the role of who did it does not allow that.
//
// Allowed: confirmed trainers, pipelines and registries write checkpoints and models; confirmed admins do both; the
// creator of a file may finish writing it. A server never writes weights, confirmed or not.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <memory>

#include "agent/detect/detector.h"

namespace tensorwarden {

struct IntegrityConfig {
  absl::Duration birth_grace = absl::Minutes(10);  // the creating process tree may go on writing this long
  size_t max_matters = 16384;                      // (process, file) pairs under watch; the oldest goes
};

absl::StatusOr<std::unique_ptr<Detector>> CreateIntegrityDetector(IntegrityConfig config);

}  // namespace tensorwarden
