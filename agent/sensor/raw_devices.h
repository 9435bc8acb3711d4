// Block devices below the file systems that hold assets: who reads one reads the assets.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/kernel_maps.h"

namespace tensorwarden {

// Of each asset the device of its file system and the disk that this is a part of. Devices below device mapper or RAID,
// and all but one of a file system on several devices, are not known.
class RawDevices {
 public:
  explicit RawDevices(KernelMaps& maps) : maps_(maps) {}

  // Errors: as open(2) of `path`, and of KernelMaps. A file system without a device is none.
  absl::Status Watch(const FileKey& asset, const std::string& path, uint32_t label, uint64_t label_size);
  void Unwatch(const FileKey& asset);

 private:
  struct Label {
    uint64_t files = 0;
    uint64_t size = 0;
  };
  struct Asset {
    uint32_t label = 0;
    std::vector<FileKey> devices;
  };
  absl::Status Tell(const FileKey& device);
  absl::Status Add(const FileKey& device, uint32_t label, uint64_t label_size);

  KernelMaps& maps_;
  absl::flat_hash_map<FileKey, Asset> assets_;
  absl::flat_hash_map<FileKey, std::map<uint32_t, Label>> devices_;
};

}  // namespace tensorwarden
