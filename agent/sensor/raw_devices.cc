#include "agent/sensor/raw_devices.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "agent/base/unique_fd.h"

namespace tensorwarden {

absl::Status RawDevices::Tell(const FileKey& device) {
  LabelHolder assets;
  for (const auto& [bit, label] : devices_[device]) {
    assets.labels |= uint64_t{1} << bit;
    assets.volumes.emplace_back(bit, label.size);
  }
  return maps_.WatchRaw(device, assets);
}

absl::Status RawDevices::Add(const FileKey& device, uint32_t label, uint64_t label_size) {
  Label& known = devices_[device][label];
  const bool is_news = known.files++ == 0 || known.size < label_size;
  known.size = std::max(known.size, label_size);
  return is_news ? Tell(device) : absl::OkStatus();
}

absl::Status RawDevices::Watch(const FileKey& asset, const std::string& path, uint32_t label, uint64_t label_size) {
  Unwatch(asset);
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME | O_NOCTTY | O_NONBLOCK));
  if (!fd) return absl::ErrnoToStatus(errno, path);
  const absl::StatusOr<query_fd_args> args = maps_.QueryFd(fd.get());
  if (!args.ok()) return args.status();
  assets_[asset].label = label;
  for (const event_file_key& wire : {args->device, args->disk}) {
    if (wire.dev == 0) continue;
    assets_[asset].devices.push_back(FromWire(wire));
    if (absl::Status status = Add(FromWire(wire), label, label_size); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Labels of an entry only grow, so with the last file of one the entry is made anew.
void RawDevices::Unwatch(const FileKey& asset) {
  const auto found = assets_.find(asset);
  if (found == assets_.end()) return;
  for (const FileKey& device : found->second.devices) {
    auto& labels = devices_[device];
    if (--labels[found->second.label].files > 0) continue;
    labels.erase(found->second.label);
    maps_.Unwatch(device).IgnoreError();
    if (labels.empty())
      devices_.erase(device);
    else
      Tell(device).IgnoreError();  // full: the bytes of files are still seen
  }
  assets_.erase(found);
}

}  // namespace tensorwarden
