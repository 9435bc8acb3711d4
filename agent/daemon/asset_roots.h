// What the sensor sees of the files below each asset root, by the file system it lies on.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

struct AssetRoot {
  std::string path;
  std::string filesystem;  // "ext4"; "" the root does not exist
  std::string read;        // "yes", "escalated" (only by system-call hooks), "partly", "no", "unknown"
  std::string map;
  std::string change;
  std::string note;  // why not "yes"
};

// The declared roots and the known caches that exist, judged with the probes that `check` found.
std::vector<AssetRoot> CheckAssetRoots(const AgentConfig& config, const SensorCheck& check);

}  // namespace tensorwarden
