// Which container a process runs in, by its control group: each runtime names the group after the container.
#pragma once

#include <string_view>

namespace tensorwarden {

// Views into the path. On a host with cgroup v1 the runtimes make no group in the unified tree: then nothing is known,
// and everything looks like the host.
struct ContainerId {
  std::string_view id;       // as the runtime has it, mostly 64 hex digits; "" no container
  std::string_view runtime;  // docker, containerd, podman, cri-o, lxc, nspawn; "container" when the path does not say
  std::string_view pod;      // Kubernetes' uid of the pod, as the path spells it; "" none

  // What Falco calls container.id: the first twelve digits.
  std::string_view ShortId() const { return id.substr(0, 12); }
};

// `cgroup`: path below the cgroup2 root. Of nested containers, the innermost.
ContainerId ContainerOf(std::string_view cgroup);

}  // namespace tensorwarden
