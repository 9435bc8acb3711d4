#include "agent/daemon/asset_roots.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include <algorithm>
#include <set>

#include "agent/artifact/glob.h"
#include "agent/artifact/known_caches.h"

namespace tensorwarden {
namespace {

// The page-cache tracepoints see what goes through filemap_read() and filemap_fault(); tmpfs has its own read.
struct Filesystem {
  uint64_t magic;
  const char* name;
  const char* read;
  const char* map;
  const char* change;
  const char* note;
};

constexpr uint64_t kXfsMagic = 0x58465342;
constexpr uint64_t kFuseMagic = 0x65735546;

constexpr Filesystem kFilesystems[] = {
    {EXT4_SUPER_MAGIC, "ext4", "yes", "yes", "yes", ""},
    {kXfsMagic, "xfs", "yes", "yes", "yes", "a second write to a dirty page comes without its range"},
    {BTRFS_SUPER_MAGIC, "btrfs", "yes", "yes", "yes", "a second write to a dirty page comes without its range"},
    {OVERLAYFS_SUPER_MAGIC, "overlayfs", "yes", "yes", "partly",
     "where an asset of a lower layer is moved to is told within watched directories only"},
    {TMPFS_MAGIC, "tmpfs", "escalated", "yes", "partly", "tmpfs reads and writes pass no page-cache tracepoint"},
    {NFS_SUPER_MAGIC, "nfs", "partly", "partly", "partly", "other clients of the server are not seen"},
    {kFuseMagic, "fuse", "partly", "partly", "partly", "direct_io and passthrough files bypass the page cache"},
};

bool Works(const SensorCheck& check, const std::string& group) {
  return std::any_of(check.probes.begin(), check.probes.end(),
                     [&](const ProbeRow& row) { return row.group == group && row.state != "missing"; });
}

AssetRoot Judge(const std::string& path, const SensorCheck& check) {
  AssetRoot root{.path = path};
  struct statfs fs {};
  if (statfs(path.c_str(), &fs) != 0) {
    root.read = root.map = root.change = "no";
    root.note = "does not exist yet";
    return root;
  }
  const auto magic = static_cast<uint64_t>(static_cast<uint32_t>(fs.f_type));
  const Filesystem* known = std::find_if(std::begin(kFilesystems), std::end(kFilesystems),
                                         [&](const Filesystem& row) { return row.magic == magic; });
  if (known == std::end(kFilesystems)) {
    root.filesystem = fmt::format("{:#x}", magic);
    root.read = root.map = root.change = "unknown";
    root.note = "this file system was not tried";
    return root;
  }
  root.filesystem = known->name;
  root.read = Works(check, "file_read") ? known->read : "no";
  root.map = Works(check, "file_map_pages") ? known->map : "no";
  root.change = Works(check, "file_dirty") ? known->change : "no";
  root.note = known->note;
  return root;
}

}  // namespace

std::vector<AssetRoot> CheckAssetRoots(const AgentConfig& config, const SensorCheck& check) {
  std::set<std::string> paths;
  for (const AssetSpec& spec : config.assets) {
    for (const std::string& pattern : spec.paths) paths.insert(FixedDirectory(pattern));
  }
  paths.insert(config.discover_paths.begin(), config.discover_paths.end());
  if (config.discover) {
    for (const std::string& cache : KnownCaches()) paths.insert(cache);
  }
  std::vector<AssetRoot> roots;
  for (const std::string& path : paths) roots.push_back(Judge(path, check));
  return roots;
}

}  // namespace tensorwarden
