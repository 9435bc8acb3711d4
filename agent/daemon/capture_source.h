// Captures to replay, of whichever format.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "agent/capture/capture.h"

namespace tensorwarden {

// Of our own format, or a Sysdig or Falco capture (.scap, compressed or not), which tensorwarden-scap reads. The format
// is told by the first bytes. Errors: as CaptureReader::Open; NotFound when that helper is not installed; of a broken
// .scap Next() returns DataLoss with the library's words.
absl::StatusOr<std::unique_ptr<CaptureReader>> OpenCapture(const std::string& path);

}  // namespace tensorwarden
