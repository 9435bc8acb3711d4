#include "agent/sensor/fanotify_records.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "agent/base/unique_fd.h"

namespace tensorwarden {
namespace {

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200  // Linux 6.6: handles that compare but need not open, on every file system
#endif

using Bytes = std::span<const std::byte>;

constexpr size_t kHandleHeader = sizeof(uint32_t) + sizeof(int32_t);
constexpr size_t kFidHeader = sizeof(fanotify_event_info_header) + sizeof(__kernel_fsid_t);

template <typename T>
T Read(Bytes bytes, size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

HandleId MakeId(const void* fsid, int32_t type, const void* handle, size_t size) {
  HandleId id(static_cast<const char*>(fsid), sizeof(__kernel_fsid_t));
  id.append(reinterpret_cast<const char*>(&type), sizeof(type));
  id.append(static_cast<const char*>(handle), size);
  return id;
}

// One info record with a handle: false when it points outside itself.
bool ReadFid(Bytes info, HandleId& id, std::string& name) {
  if (info.size() < kFidHeader + kHandleHeader) return false;
  const auto size = Read<uint32_t>(info, kFidHeader);
  const auto type = Read<int32_t>(info, kFidHeader + sizeof(uint32_t));
  const size_t name_at = kFidHeader + kHandleHeader + size;
  if (size > MAX_HANDLE_SZ || name_at > info.size()) return false;
  id = MakeId(info.data() + sizeof(fanotify_event_info_header), type, info.data() + kFidHeader + kHandleHeader, size);
  const char* text = reinterpret_cast<const char*>(info.data()) + name_at;
  name.assign(text, strnlen(text, info.size() - name_at));
  return true;
}

void TakeInfo(uint8_t type, Bytes info, MarkRecord& record) {
  HandleId id;
  std::string name;
  if (!ReadFid(info, id, name)) return;
  switch (type) {
    case FAN_EVENT_INFO_TYPE_FID:
      record.object = std::move(id);
      break;
    case FAN_EVENT_INFO_TYPE_DFID_NAME:
      record.entry = NamedEntry{std::move(id), std::move(name)};
      break;
    case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
      record.from = NamedEntry{std::move(id), std::move(name)};
      break;
    case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
      record.to = NamedEntry{std::move(id), std::move(name)};
      break;
    default:
      break;
  }
}

void TakeInfos(Bytes infos, MarkRecord& record) {
  while (infos.size() >= sizeof(fanotify_event_info_header)) {
    const auto header = Read<fanotify_event_info_header>(infos, 0);
    if (header.len < sizeof(header) || header.len > infos.size()) return;
    TakeInfo(header.info_type, infos.first(header.len), record);
    infos = infos.subspan(header.len);
  }
}

struct RoomyHandle {
  file_handle header;
  unsigned char room[MAX_HANDLE_SZ];
};

}  // namespace

std::vector<MarkRecord> ParseFanotify(std::span<const std::byte> buffer) {
  std::vector<MarkRecord> records;
  while (buffer.size() >= sizeof(fanotify_event_metadata)) {
    const auto metadata = Read<fanotify_event_metadata>(buffer, 0);
    if (metadata.vers != FANOTIFY_METADATA_VERSION || metadata.event_len > buffer.size() ||
        metadata.metadata_len < sizeof(metadata) || metadata.event_len < metadata.metadata_len)
      break;
    if (metadata.fd >= 0) close(metadata.fd);
    MarkRecord record{.mask = metadata.mask, .pid = static_cast<uint32_t>(std::max(metadata.pid, 0))};
    TakeInfos(buffer.subspan(metadata.metadata_len, metadata.event_len - metadata.metadata_len), record);
    records.push_back(std::move(record));
    buffer = buffer.subspan(metadata.event_len);
  }
  return records;
}

std::optional<HandleId> HandleOf(const std::string& path) {
  RoomyHandle handle{};
  int mount_id = 0;
  struct statfs fs {};
  if (statfs(path.c_str(), &fs) != 0) return std::nullopt;
  for (const int flags : {0, AT_HANDLE_FID}) {
    handle.header.handle_bytes = MAX_HANDLE_SZ;
    if (name_to_handle_at(AT_FDCWD, path.c_str(), &handle.header, &mount_id, flags) == 0)
      return MakeId(&fs.f_fsid, handle.header.handle_type, handle.header.f_handle, handle.header.handle_bytes);
  }
  return std::nullopt;
}

std::optional<std::string> PathOfHandle(const HandleId& id, int mount_fd) {
  constexpr size_t kTypeAt = sizeof(__kernel_fsid_t);
  constexpr size_t kBytesAt = kTypeAt + sizeof(int32_t);
  RoomyHandle handle{};
  if (id.size() <= kBytesAt || id.size() - kBytesAt > MAX_HANDLE_SZ) return std::nullopt;
  std::memcpy(&handle.header.handle_type, id.data() + kTypeAt, sizeof(int32_t));
  handle.header.handle_bytes = static_cast<unsigned>(id.size() - kBytesAt);
  std::memcpy(handle.header.f_handle, id.data() + kBytesAt, handle.header.handle_bytes);
  const UniqueFd fd(open_by_handle_at(mount_fd, &handle.header, O_PATH | O_CLOEXEC));
  struct stat st {};
  if (!fd || fstat(fd.get(), &st) != 0 || st.st_nlink == 0) return std::nullopt;
  char path[PATH_MAX];
  const ssize_t n = readlink(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), path, sizeof(path));
  if (n <= 0 || n == sizeof(path)) return std::nullopt;
  return std::string(path, static_cast<size_t>(n));
}

std::string PathByHandle(const HandleId& id, const std::string& former_path) {
  for (std::string above = former_path; above.starts_with('/') && above != "/";) {
    above.resize(std::max<size_t>(above.rfind('/'), 1));
    const UniqueFd mount(open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME));
    if (std::optional<std::string> found = mount ? PathOfHandle(id, mount.get()) : std::nullopt; found)
      return *std::move(found);
  }
  return "";
}

}  // namespace tensorwarden
