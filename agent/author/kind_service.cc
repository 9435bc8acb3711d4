#include "agent/author/kind_service.h"

#include <algorithm>

#include "agent/sensor/probe_table.h"

namespace tensorwarden::author {
namespace {

struct Row {
  KindSet kinds;
  std::vector<std::string_view> groups;  // of the probe table
  std::string_view when;
  std::string_view note;
};

const std::vector<Row>& Rows() {
  static const std::vector<Row>* const rows = new std::vector<Row>{
      {kKinds<ProcessFork>, {"process_fork"}, "always", "every fork"},
      {kKinds<ProcessExec>, {"process_exec"}, "always", "every exec"},
      {kKinds<ProcessExit>, {"process_exit"}, "always", "every exit"},
      {kKinds<FileRead>,
       {"file_read", "file_map_pages", "file_fault", "file_direct"},
       "always",
       "reads of guarded files and of what was copied from them"},
      {kKinds<FileChange>,
       {"file_dirty", "file_attribute", "file_write", "xattr_set"},
       "always",
       "changes of guarded files"},
      {kKinds<FileOpen>,
       {"file_open"},
       "for rules",
       "every open of every process: hooks are attached because a rule asks for it"},
      {kKinds<FileName>,
       {"name_ext4", "mount", "mount_move"},
       "always",
       "names of guarded files and directories, by probes and fanotify marks"},
      {kKinds<LabelMove>, {"file_read", "socket_send", "socket_recv"}, "always", "labels that move between objects"},
      {kKinds<Egress>, {"socket_send"}, "always", "labelled bytes that leave"},
      {kKinds<SocketState>,
       {"socket_state", "socket_connect4", "socket_connect6", "socket_bind4", "socket_bind6"},
       "for rules",
       "connects, accepts, binds and closes of every process, or, where all rules name a role or workload, of what "
       "looks "
       "like an AI workload; without a rule, listens, and the rest of processes that carry a label"},
      {kKinds<DeviceOpen>, {"device_open"}, "always", "opens of accelerators, and of disks that hold assets"},
      {kKinds<HostChange>,
       {"module_load", "bpf_load", "uring_create", "agent_signal", "ptrace", "set_uid", "set_caps", "user_namespace",
        "socket_create", "clock", "mount", "mount_move", "memory"},
       "for rules",
       "changes of the host, and reaches for another's power"},
      {kKinds<DnsQuery>,
       {"dns_query"},
       "for rules",
       "queries of every process, at the price of a look at every packet that leaves; without a rule, of processes "
       "that carry a label"},
      {kKinds<GpuCall>,
       {"gpu_call"},
       "for rules",
       "ioctls on accelerators by processes that are no confirmed workload; without fentry the hook taxes every system "
       "call while such a process has an accelerator open"},
      {kKinds<HttpRequest>, {"http_request"}, "while serving", "requests on the ports of serving workloads"},
      {kKinds<Finding>, {}, "derived", "reports of the agent's own detectors"},
  };
  return *rows;
}

std::vector<std::string> TiersOf(const std::vector<std::string_view>& groups) {
  std::vector<std::string> tiers;
  for (const ProbeSpec& spec : ProbeTable()) {
    if (std::find(groups.begin(), groups.end(), spec.group) == groups.end()) continue;
    const std::string tier = TierName(spec.tier);
    if (std::find(tiers.begin(), tiers.end(), tier) == tiers.end()) tiers.push_back(tier);
  }
  return tiers;
}

}  // namespace

KindService ServiceOf(size_t kind) {
  KindService service{.kind = EventKindName(kind),
                      .groups = {},
                      .tiers = {},
                      .when = "always",
                      .note = "by the agent itself: start, scans, clock, state, loss"};
  for (const Row& row : Rows()) {
    if (((row.kinds >> kind) & 1) == 0) continue;
    service.groups = row.groups;
    service.tiers = TiersOf(row.groups);
    service.when = row.when;
    service.note = row.note;
    service.on_demand = row.when == "for rules";
  }
  return service;
}

std::vector<KindService> ServicesOf(KindSet kinds) {
  std::vector<KindService> services;
  for (size_t kind = 1; kind < kEventKindCount; ++kind) {
    if (((kinds >> kind) & 1) != 0) services.push_back(ServiceOf(kind));
  }
  return services;
}

std::string KindNames(KindSet kinds) {
  if (kinds == kAllKinds) return "any";
  std::string names;
  for (size_t kind = 1; kind < kEventKindCount; ++kind) {
    if (((kinds >> kind) & 1) == 0) continue;
    if (!names.empty()) names += ", ";
    names += EventKindName(kind);
  }
  return names;
}

}  // namespace tensorwarden::author
