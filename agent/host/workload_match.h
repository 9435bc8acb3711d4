// Confirmation of a role by facts that a process cannot forge by its name: executable, control group, user.
#pragma once

#include <absl/status/status.h>

#include <string_view>
#include <vector>

#include "agent/host/host_model.h"

namespace tensorwarden {

// InvalidArgument when a workload confirms by nothing, so that everything would match it; the message names it.
absl::Status CheckWorkloads(const std::vector<WorkloadSpec>& workloads);

// The first workload whose every given fact matches; nullptr when none does.
const WorkloadSpec* MatchWorkload(const std::vector<WorkloadSpec>& workloads, const ProcessInfo& process);

// True when `prefix` is `path` or an ancestor of it: whole components, "/a" is none of "/ab".
bool IsCgroupBelow(std::string_view path, std::string_view prefix);

}  // namespace tensorwarden
