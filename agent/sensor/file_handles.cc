#include "agent/sensor/file_handles.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "agent/base/files.h"
#include "agent/base/mountinfo.h"
#include "agent/base/unique_fd.h"
#include "agent/sensor/name_book.h"

namespace tensorwarden {
namespace {

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200  // Linux 6.6: handles that compare but need not open, on every file system
#endif

constexpr size_t kTypeAt = sizeof(__kernel_fsid_t);
constexpr size_t kBytesAt = kTypeAt + sizeof(int32_t);
constexpr size_t kMaxTableBytes = 64 << 20;

// An overlay's handle: fs/overlayfs/overlayfs.h, struct ovl_fh. It is written to disk as well, so it does not change.
constexpr int32_t kOverlayHandle = 0xf8;
struct OverlayHandle {
  uint8_t padding[3];
  uint8_t version;
  uint8_t magic;
  uint8_t size;  // of what follows the padding
  uint8_t flags;
  uint8_t type;  // of the handle below, which follows
  uint8_t uuid[16];
};
constexpr size_t kOverlayPadding = sizeof(OverlayHandle::padding);
constexpr uint8_t kOverlayMagic = 0xfb;
constexpr uint8_t kOverlayUpper = 1 << 2;

struct RoomyHandle {
  file_handle header;
  unsigned char room[MAX_HANDLE_SZ];
};

std::optional<std::string> PathOfFd(int fd) {
  char path[PATH_MAX];
  const ssize_t n = readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), path, sizeof(path));
  if (n <= 0 || n == sizeof(path)) return std::nullopt;
  return std::string(path, static_cast<size_t>(n));
}

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME));
}

// The mount that `path` is on: the innermost one, of several at one place the last.
std::optional<Mount> MountOf(const std::string& path) {
  const absl::StatusOr<std::string> table = ReadFile("/proc/self/mountinfo", kMaxTableBytes);
  if (!table.ok()) return std::nullopt;
  std::optional<Mount> best;
  for (Mount& mount : ParseMountinfo(*table)) {
    const bool covers = mount.point == "/" || IsBelow(path, mount.point);
    if (covers && (!best || mount.point.size() >= best->point.size())) best = std::move(mount);
  }
  return best;
}

std::string PathByUpperLayer(const HandleId& id, const std::string& former_path) {
  const std::optional<HandleId> below = UpperHandle(id);
  const std::optional<Mount> mount = below ? MountOf(former_path) : std::nullopt;
  if (!mount || mount->type != "overlay") return "";
  const std::string layer = mount->Option("upperdir");
  const UniqueFd fd = layer.starts_with('/') ? OpenDirectory(layer) : UniqueFd();
  const std::optional<std::string> directory = fd ? PathOfFd(fd.get()) : std::nullopt;
  const std::optional<std::string> upper = directory ? PathOfHandle(*below, fd.get()) : std::nullopt;
  if (!upper) return "";
  std::string path = MergedPath(*upper, *directory, mount->root, mount->point);
  return HandleOf(path) == id ? path : "";
}

}  // namespace

HandleId MakeHandleId(const void* fsid, int32_t type, const void* handle, size_t size) {
  HandleId id(static_cast<const char*>(fsid), sizeof(__kernel_fsid_t));
  id.append(reinterpret_cast<const char*>(&type), sizeof(type));
  id.append(static_cast<const char*>(handle), size);
  return id;
}

std::optional<HandleId> HandleOf(const std::string& path) {
  RoomyHandle handle{};
  int mount_id = 0;
  struct statfs fs {};
  if (statfs(path.c_str(), &fs) != 0) return std::nullopt;
  for (const int flags : {0, AT_HANDLE_FID}) {
    handle.header.handle_bytes = MAX_HANDLE_SZ;
    if (name_to_handle_at(AT_FDCWD, path.c_str(), &handle.header, &mount_id, flags) == 0)
      return MakeHandleId(&fs.f_fsid, handle.header.handle_type, handle.header.f_handle, handle.header.handle_bytes);
  }
  return std::nullopt;
}

std::optional<std::string> PathOfHandle(const HandleId& id, int mount_fd) {
  RoomyHandle handle{};
  if (id.size() <= kBytesAt || id.size() - kBytesAt > MAX_HANDLE_SZ) return std::nullopt;
  std::memcpy(&handle.header.handle_type, id.data() + kTypeAt, sizeof(int32_t));
  handle.header.handle_bytes = static_cast<unsigned>(id.size() - kBytesAt);
  std::memcpy(handle.header.f_handle, id.data() + kBytesAt, handle.header.handle_bytes);
  const UniqueFd fd(open_by_handle_at(mount_fd, &handle.header, O_PATH | O_CLOEXEC));
  struct stat st {};
  if (!fd || fstat(fd.get(), &st) != 0 || st.st_nlink == 0) return std::nullopt;
  return PathOfFd(fd.get());
}

std::string PathByHandle(const HandleId& id, const std::string& former_path) {
  for (std::string above = former_path; above.starts_with('/') && above != "/";) {
    above = DirectoryOf(above);
    const UniqueFd mount = OpenDirectory(above);
    if (std::optional<std::string> found = mount ? PathOfHandle(id, mount.get()) : std::nullopt; found)
      return *std::move(found);
  }
  return PathByUpperLayer(id, former_path);
}

std::optional<HandleId> UpperHandle(const HandleId& id) {
  int32_t type = 0;
  OverlayHandle overlay{};
  if (id.size() <= kBytesAt + sizeof(overlay)) return std::nullopt;
  std::memcpy(&type, id.data() + kTypeAt, sizeof(type));
  std::memcpy(&overlay, id.data() + kBytesAt, sizeof(overlay));
  const size_t end = kOverlayPadding + overlay.size;  // behind it the handle may be padded
  if (type != kOverlayHandle || overlay.magic != kOverlayMagic || (overlay.flags & kOverlayUpper) == 0 ||
      end <= sizeof(overlay) || end > id.size() - kBytesAt)
    return std::nullopt;
  return MakeHandleId(id.data(), overlay.type, id.data() + kBytesAt + sizeof(overlay), end - sizeof(overlay));
}

std::string MergedPath(const std::string& upper_path, const std::string& upper_directory, const std::string& mount_root,
                       const std::string& mount_point) {
  if (!IsBelow(upper_path, upper_directory)) return "";
  std::string inside = upper_path.substr(upper_directory.size());
  if (mount_root != "/") {
    if (!IsBelow(inside, mount_root)) return "";
    inside = inside.substr(mount_root.size());
  }
  return mount_point == "/" ? inside : mount_point + inside;
}

}  // namespace tensorwarden
