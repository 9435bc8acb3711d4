// The signals that a running agent answers, as a descriptor of its event loop.
#pragma once

#include <absl/status/statusor.h>

#include "agent/base/unique_fd.h"

namespace tensorwarden {

struct SignalsSeen {
  bool stop = false;    // SIGTERM, SIGINT
  bool reload = false;  // SIGHUP
};

// Blocks these signals for the calling thread and those that it starts from now on.
absl::StatusOr<UniqueFd> WatchSignals();

// What came since the last call.
SignalsSeen TakeSignals(int fd);

}  // namespace tensorwarden
