#include "agent/daemon/demand.h"

namespace tensorwarden {

SensorDemand DemandOf(KindSet kinds) {
  return {.opens = (kinds & kKinds<FileOpen>) != 0,
          .sockets = (kinds & kKinds<SocketState>) != 0,
          .dns = (kinds & kKinds<DnsQuery>) != 0,
          .host_changes = (kinds & kKinds<HostChange>) != 0,
          .gpu = (kinds & kKinds<GpuCall>) != 0};
}

}  // namespace tensorwarden
