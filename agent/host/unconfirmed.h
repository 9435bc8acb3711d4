// Who becomes a carrier before the host model knows what it is.
#pragma once

#include <span>

#include "agent/host/host_model.h"

namespace tensorwarden {

// True when a process that is no confirmed workload became a carrier by one of `events`, which `host` has not taken in
// yet. A child born among them is what its parent is: else each worker that a confirmed server forks would be a
// stranger. A program executed among them is unconfirmed whoever it was before.
bool BecameUnconfirmedCarrier(const HostModel& host, std::span<const Event> events);

}  // namespace tensorwarden
