// Finds assets: what the config declares, what lies in known caches, what running processes hold, what is born.
//
// Reading files may block (network file systems, cold disks), so all but the first pass runs in a worker thread of
// its own. Results carry an open descriptor: the kernel, not a path, then says which file it is.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/event/event.h"
#include "agent/host/asset_spec.h"

namespace tensorwarden {

struct DiscoveryConfig {
  std::vector<AssetSpec> assets;
  bool discover = true;            // look beyond what is declared
  std::vector<std::string> paths;  // directories to look in, beside the known caches
  uint64_t min_bytes = 1 << 20;    // smaller files are no models unless declared by name
  size_t max_queue = 4096;         // further requests are dropped and counted
  size_t max_remembered = 65536;   // files already judged; all are forgotten when it is full
};

struct Found {
  UniqueFd fd;       // O_RDONLY
  AssetFound asset;  // all but the key
};

class Discovery {
 public:
  explicit Discovery(DiscoveryConfig config);
  ~Discovery();

  // The first pass, in the caller's thread: declared paths, caches, then files that running processes hold.
  std::vector<Found> ScanAll();

  // Requests to the worker. `Examine`: a name appeared, or an asset was written beyond its size; looked at again while
  // it still grows. Many requests for one path are one look each half second.
  void Examine(const std::string& path);
  void ExamineHeld(const ProcessKey& process, const FileCandidate& candidate);
  void Rescan();

  // Readable when Take() has something (an eventfd).
  int ReadyFd() const { return ready_.get(); }
  std::vector<Found> Take();

  // Directories whose births matter: those of declared patterns. Known after ScanAll().
  const std::vector<std::string>& Directories() const { return directories_; }
  // Requests that found the queue full.
  uint64_t dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  struct Birth {
    std::string path;
    int attempts = 0;
    uint64_t size = 0;
  };
  struct Held {
    ProcessKey process;
    uint64_t ino = 0;
  };
  struct Walk {};
  using Job = std::variant<Birth, Held, Walk>;
  struct FileStamp {
    uint64_t size = 0;
    int64_t mtime_ns = 0;
    auto operator<=>(const FileStamp&) const = default;
  };

  void Work(const std::stop_token& stop);
  bool NextJob(const std::stop_token& stop, Job& job);
  bool Push(Job job, int delay_ms = 0);
  bool PushLocked(Job job, int delay_ms);
  void Post(std::vector<Found> found);

  void WalkDeclared(std::vector<Found>& found);
  void WalkCaches(std::vector<Found>& found);
  void WalkProcesses(std::vector<Found>& found);
  void WalkProcess(const std::string& proc_dir, uint64_t only_ino, std::vector<Found>& found);
  void DoBirth(Birth birth, std::vector<Found>& found);
  bool StillGrows(Birth& birth, std::vector<Found>& found);
  const AssetSpec* Declared(const std::string& path, bool& by_name) const;
  // Opens `path` and judges it. `spec`: declared as; nullptr: only a find by its bytes counts.
  void Judge(const std::string& path, const AssetSpec* spec, bool by_name, const char* found_by,
             std::vector<Found>& found);

  const DiscoveryConfig config_;
  std::vector<std::string> directories_;
  UniqueFd ready_;
  std::map<std::pair<uint64_t, uint64_t>, FileStamp> judged_;  // (st_dev, st_ino); worker or first pass only
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::multimap<int64_t, Job> queue_;   // by due time, CLOCK_MONOTONIC ns
  std::map<std::string, bool> births_;  // paths of births in the queue or under way; true: asked for again meanwhile
  std::vector<Found> results_;
  uint64_t dropped_ = 0;
  std::jthread worker_;  // last: stops before the rest goes
};

}  // namespace tensorwarden
