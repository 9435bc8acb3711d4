// What is mounted behind a device number: the words that an alert uses for a destination that is a file system.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>

#include "agent/base/mountinfo.h"
#include "agent/event/event.h"

namespace tensorwarden {

class MountNames {
 public:
  // `proc`: of a procfs.
  explicit MountNames(std::string proc = "/proc") : proc_(std::move(proc)) {}

  // Of bytes that went to a file system (EVENT_FAMILY_MOUNT): the mount's source becomes the peer's address, the type
  // of the file system the local one. Looked for where the writer sees it mounted, which may be a namespace of its own,
  // then where the agent does. What nobody sees any more keeps its last name, or is named by its device.
  void Complete(const ProcessKey& writer, uint64_t now_ns, Egress& egress);

 private:
  struct Named {
    Mount mount;
    uint64_t looked_ns = 0;
  };
  bool Find(const std::string& process, uint64_t device, Mount& mount) const;

  const std::string proc_;
  absl::flat_hash_map<uint64_t, Named> names_;  // by device
};

}  // namespace tensorwarden
