#include "agent/host/workload_match.h"

#include <fmt/format.h>

namespace tensorwarden {
namespace {

constexpr uint32_t kNoUid = 0xffffffff;

std::string_view Trim(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// The first service or scope of the path is the system's, as are the slices that lead to it; what lies below is named
// by whoever runs in it: a user's own manager, a container.
bool IsInUnit(std::string_view path, std::string_view unit) {
  path = Trim(path);
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component == unit) return true;
    if (slash == std::string_view::npos || !component.ends_with(".slice")) return false;
    path.remove_prefix(slash + 1);
  }
  return false;
}

bool Matches(const WorkloadSpec& spec, const ProcessInfo& process) {
  if (!spec.exe.empty() && spec.exe != process.path) return false;
  // In a mount namespace of its own making any file may stand at the path: it takes a cgroup to vouch for it.
  if (process.user_mounts && spec.cgroup.empty() && spec.unit.empty() && !spec.exe.empty()) return false;
  if (!spec.cgroup.empty() && !IsCgroupBelow(process.cgroup, spec.cgroup)) return false;
  if (!spec.unit.empty() && !IsInUnit(process.cgroup, spec.unit)) return false;
  return spec.uid == kNoUid || spec.uid == process.uid;
}

}  // namespace

bool IsCgroupBelow(std::string_view path, std::string_view prefix) {
  path = Trim(path);
  prefix = Trim(prefix);
  if (prefix.empty() || !path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || path[prefix.size()] == '/';
}

absl::Status CheckWorkloads(const std::vector<WorkloadSpec>& workloads) {
  for (const WorkloadSpec& spec : workloads) {
    if (!spec.exe.empty() || !Trim(spec.cgroup).empty() || !spec.unit.empty() || spec.uid != kNoUid) continue;
    return absl::InvalidArgumentError(
        fmt::format("workload '{}': give at least one of exe, cgroup, unit, user to confirm it by", spec.name));
  }
  return absl::OkStatus();
}

const WorkloadSpec* MatchWorkload(const std::vector<WorkloadSpec>& workloads, const ProcessInfo& process) {
  // A process seen only by its key has no facts: uid 0 of an unknown process is not root.
  if (process.path.empty()) return nullptr;
  for (const WorkloadSpec& spec : workloads)
    if (Matches(spec, process)) return &spec;
  return nullptr;
}

}  // namespace tensorwarden
