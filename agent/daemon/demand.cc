#include "agent/daemon/demand.h"

#include "agent/enrich/kinds.h"

namespace tensorwarden {

SensorDemand DemandOf(const RuleNeeds& needs) {
  const KindSet kinds = needs.kinds;
  return {.opens = (kinds & kKinds<FileOpen>) != 0,
          .sockets = needs.connections == RuleNeeds::Connections::kAll,
          .workload_sockets = needs.connections == RuleNeeds::Connections::kOfWorkloads,
          .dns = (kinds & kKinds<DnsQuery>) != 0,
          .host_changes = (kinds & kKinds<HostChange>) != 0,
          .gpu = (kinds & kKinds<GpuCall>) != 0};
}

}  // namespace tensorwarden
