// A capture file's index, wherever it has to come from.
#pragma once

#include <absl/status/statusor.h>

#include "agent/capture/index.h"

namespace tensorwarden {

// Reads the index at the end of the file; when there is none, or it is broken, walks from frame header to frame header
// until the first that is torn or broken. The file's position stays. Errors: FailedPrecondition of what cannot be read
// at any place, or has no times; the file's own.
absl::StatusOr<CaptureIndex> LoadIndex(int fd, uint16_t version);

}  // namespace tensorwarden
