// Paths of cgroups by their ids.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>

#include "agent/base/unique_fd.h"

namespace tensorwarden {

class CgroupPaths {
 public:
  // `mount_point` of cgroup2; "" when there is none: every path is unknown then.
  explicit CgroupPaths(std::string mount_point);

  // Path below the mount point: "/" the root, "/system.slice/x.service"; "" when the cgroup is gone. Ids are never
  // reused, so answers are kept: 4 096, then all are forgotten.
  const std::string& Find(uint64_t cgroup_id);

 private:
  std::string Resolve(uint64_t cgroup_id) const;

  std::string mount_point_;
  UniqueFd mount_;
  absl::flat_hash_map<uint64_t, std::string> known_;
};

}  // namespace tensorwarden
