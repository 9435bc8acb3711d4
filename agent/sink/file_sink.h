// Alerts as lines in a file that is rotated by size.
#pragma once

#include <absl/status/statusor.h>

#include <memory>

#include "agent/sink/sinks.h"

namespace tensorwarden {

// Every line is whole or absent: what a full disk cut short is taken back. A file that was moved away or deleted (by
// logrotate) is made anew. Lines are not synced one by one: a crash of the host may lose the last few seconds.
// Errors: InvalidArgument when the path is missing or no regular file; the file's own error, with its path.
absl::StatusOr<std::unique_ptr<Sink>> CreateFileSink(const SinkConfig& config);

}  // namespace tensorwarden
