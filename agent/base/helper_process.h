// Programs of the agent's own that it starts beside itself: they hold the libraries that it does not want to load.
#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <span>
#include <string>

namespace tensorwarden {

// Path of the helper: beside the running program, or in ../libexec/tensorwarden as installed; "" neither is there.
std::string FindHelper(const std::string& name);

// A descriptor of this process, and the number that the helper has it under. Of the standard ones that are not given
// it has /dev/null.
struct HelperFd {
  int ours = -1;
  int theirs = -1;
};

// No arguments, no environment, no blocked signals. The caller waits for it. Errors: Unavailable with the path.
absl::StatusOr<pid_t> SpawnHelper(const std::string& program, std::span<const HelperFd> descriptors);

}  // namespace tensorwarden
