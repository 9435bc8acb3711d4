// Whole small files: /proc entries, config, state.
#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <string>
#include <string_view>

#include "agent/base/unique_fd.h"

namespace tensorwarden {

// To read. Errors: ErrnoToStatus with the path; FailedPrecondition when it is a directory, FIFO, disk or socket.
absl::StatusOr<UniqueFd> OpenFile(const std::string& path);

// Reads at most `max_bytes`. Errors: as OpenFile(); ResourceExhausted when the file is longer.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// Replaces `path` atomically (temporary file beside it, fsync, rename). Errors: ErrnoToStatus with the path;
// FailedPrecondition when it names a device, a link or a directory, which a rename would destroy.
absl::Status WriteFileAtomic(const std::string& path, std::string_view text, mode_t mode);

// mkdir -p; existing directories are fine.
absl::Status MakeDirectories(const std::string& path, mode_t mode);

}  // namespace tensorwarden
