// The name of a process's user or group, where it can be told.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/host/host_model.h"

namespace tensorwarden {

// "" when the number is all that is known: ids without a name on this host, and those of processes in a container,
// whose own names they go by; 0 is root there too.
std::string_view UserNameOf(const ProcessInfo& process, uint32_t uid, const HostModel& host);
std::string_view GroupNameOf(const ProcessInfo& process, uint32_t gid, const HostModel& host);

}  // namespace tensorwarden
