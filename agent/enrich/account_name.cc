#include "agent/enrich/account_name.h"

#include "agent/host/container.h"

namespace tensorwarden {
namespace {

bool InContainer(const ProcessInfo& process) { return !ContainerOf(process.cgroup).id.empty(); }

}  // namespace

std::string_view UserNameOf(const ProcessInfo& process, uint32_t uid, const HostModel& host) {
  if (uid == 0) return "root";
  return InContainer(process) ? std::string_view() : host.UserName(uid);
}

std::string_view GroupNameOf(const ProcessInfo& process, uint32_t gid, const HostModel& host) {
  if (gid == 0) return "root";
  return InContainer(process) ? std::string_view() : host.GroupName(gid);
}

}  // namespace tensorwarden
