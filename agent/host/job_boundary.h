// Where one job ends and another begins in the process tree.
#pragma once

#include "agent/host/host_model.h"

namespace tensorwarden {

// True when the children of `process` are unrelated jobs: init, kthreadd, and programs that start work for others.
bool IsJobBoundary(const ProcessInfo& process);

}  // namespace tensorwarden
