#include "agent/sensor/cgroup_paths.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <unistd.h>

#include <cstring>
#include <string_view>
#include <utility>

namespace tensorwarden {
namespace {

constexpr int kKernfsHandle = 0xfe;  // FILEID_KERNFS: the handle is the 64-bit id
constexpr size_t kMaxKnown = 4096;

}  // namespace

CgroupPaths::CgroupPaths(std::string mount_point) : mount_point_(std::move(mount_point)) {
  if (!mount_point_.empty()) mount_ = UniqueFd(open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

const std::string& CgroupPaths::Find(uint64_t cgroup_id) {
  static const std::string unknown;
  if (cgroup_id == 0 || !mount_) return unknown;
  if (const auto found = known_.find(cgroup_id); found != known_.end()) return found->second;
  if (known_.size() >= kMaxKnown) known_.clear();
  return known_.emplace(cgroup_id, Resolve(cgroup_id)).first->second;
}

std::string CgroupPaths::Resolve(uint64_t cgroup_id) const {
  struct {
    file_handle header;
    unsigned char id[sizeof(uint64_t)];
  } handle{};
  handle.header.handle_bytes = sizeof(handle.id);
  handle.header.handle_type = kKernfsHandle;
  std::memcpy(handle.header.f_handle, &cgroup_id, sizeof(cgroup_id));
  UniqueFd fd(open_by_handle_at(mount_.get(), &handle.header, O_PATH | O_CLOEXEC));
  if (!fd) return "";
  char path[PATH_MAX];
  const ssize_t n = readlink(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), path, sizeof(path));
  if (n <= 0) return "";
  std::string_view text(path, static_cast<size_t>(n));
  if (!text.starts_with(mount_point_)) return "";
  text.remove_prefix(mount_point_.size());
  return text.empty() ? "/" : std::string(text);
}

}  // namespace tensorwarden
