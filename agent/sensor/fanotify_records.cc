#include "agent/sensor/fanotify_records.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace tensorwarden {
namespace {

using Bytes = std::span<const std::byte>;

constexpr size_t kHandleHeader = sizeof(uint32_t) + sizeof(int32_t);
constexpr size_t kFidHeader = sizeof(fanotify_event_info_header) + sizeof(__kernel_fsid_t);

template <typename T>
T Read(Bytes bytes, size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// One info record with a handle: false when it points outside itself.
bool ReadFid(Bytes info, HandleId& id, std::string& name) {
  if (info.size() < kFidHeader + kHandleHeader) return false;
  const auto size = Read<uint32_t>(info, kFidHeader);
  const auto type = Read<int32_t>(info, kFidHeader + sizeof(uint32_t));
  const size_t name_at = kFidHeader + kHandleHeader + size;
  if (size > MAX_HANDLE_SZ || name_at > info.size()) return false;
  id = MakeHandleId(info.data() + sizeof(fanotify_event_info_header), type, info.data() + kFidHeader + kHandleHeader,
                    size);
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

}  // namespace tensorwarden
