#include "agent/daemon/discovery.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <memory>
#include <set>

#include "agent/artifact/glob.h"
#include "agent/artifact/identify.h"
#include "agent/artifact/known_caches.h"
#include "agent/artifact/size_on_disk.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"

namespace tensorwarden {
namespace {

constexpr int kBirthAttempts = 20;  // a file still growing is looked at again, every ...
constexpr int kBirthDelayMs = 500;  // ... half second
constexpr size_t kMaxMapsBytes = 4 << 20;
constexpr size_t kMaxWalkEntries = 1 << 20;

struct CloseDirectory {
  void operator()(DIR* dir) const { closedir(dir); }
};

// Calls `visit` with the name of each entry, "." and ".." left out. A directory that went away has none.
template <typename Visit>
void ForEachEntry(const std::string& path, Visit visit) {
  std::unique_ptr<DIR, CloseDirectory> dir(opendir(path.c_str()));
  if (!dir) return;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] != '.') visit(std::string(entry->d_name));
  }
}

std::string LinkTarget(const std::string& path) {
  char buffer[PATH_MAX];
  const ssize_t n = readlink(path.c_str(), buffer, sizeof(buffer));
  return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
}

std::string LastComponent(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// "/srv/models/**" takes what is in it if it looks like a model; "/srv/models/*.bin" names its files.
bool NamesItsFiles(const std::string& pattern) {
  return LastComponent(pattern).find_first_not_of('*') != std::string::npos;
}

}  // namespace

Discovery::Discovery(DiscoveryConfig config)
    : config_(std::move(config)),
      ready_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      worker_([this](const std::stop_token& stop) { Work(stop); }) {}

Discovery::~Discovery() {
  worker_.request_stop();
  wake_.notify_all();
}

std::vector<Found> Discovery::ScanAll() {
  std::vector<Found> found;
  WalkDeclared(found);
  if (config_.discover) {
    WalkCaches(found);
    WalkProcesses(found);
  }
  return found;
}

void Discovery::Examine(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const auto known = births_.find(path); known != births_.end()) {
    known->second = true;
  } else if (PushLocked(Birth{.path = path}, 0)) {
    births_.emplace(path, false);
  }
}

void Discovery::ExamineHeld(const ProcessKey& process, const FileCandidate& candidate) {
  Push(Held{.process = process, .ino = candidate.file.ino});
}

void Discovery::Rescan() { Push(Walk{}); }

std::vector<Found> Discovery::Take() {
  uint64_t count = 0;
  (void)!read(ready_.get(), &count, sizeof(count));
  const std::lock_guard lock(mutex_);
  return std::exchange(results_, {});
}

bool Discovery::Push(Job job, int delay_ms) {
  const std::lock_guard lock(mutex_);
  return PushLocked(std::move(job), delay_ms);
}

bool Discovery::PushLocked(Job job, int delay_ms) {
  if (queue_.size() >= config_.max_queue) {
    ++dropped_;
    return false;
  }
  queue_.emplace(ClockNs(CLOCK_MONOTONIC) + int64_t{delay_ms} * 1'000'000, std::move(job));
  wake_.notify_one();
  return true;
}

void Discovery::Post(std::vector<Found> found) {
  if (found.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    std::move(found.begin(), found.end(), std::back_inserter(results_));
  }
  const uint64_t one = 1;
  (void)!write(ready_.get(), &one, sizeof(one));
}

// Waits for a job that is due. False when it is time to stop.
bool Discovery::NextJob(const std::stop_token& stop, Job& job) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stop.stop_requested()) return false;
    if (queue_.empty()) {
      wake_.wait(lock, stop, [this] { return !queue_.empty(); });
      continue;
    }
    const int64_t wait_ns = queue_.begin()->first - ClockNs(CLOCK_MONOTONIC);
    if (wait_ns <= 0) break;
    wake_.wait_for(lock, stop, std::chrono::nanoseconds(wait_ns), [] { return false; });
  }
  job = std::move(queue_.begin()->second);
  queue_.erase(queue_.begin());
  return true;
}

void Discovery::Work(const std::stop_token& stop) {
  Job job;
  while (NextJob(stop, job)) {
    std::vector<Found> found;
    if (auto* birth = std::get_if<Birth>(&job)) {
      DoBirth(std::move(*birth), found);
    } else if (auto* held = std::get_if<Held>(&job)) {
      WalkProcess(fmt::format("/proc/{}", held->process.tgid), held->ino, found);
    } else {
      WalkDeclared(found);
      if (config_.discover) WalkCaches(found);
    }
    Post(std::move(found));
  }
}

// A file is born empty: it is judged when it has stopped growing, or has become a model meanwhile.
void Discovery::DoBirth(Birth birth, std::vector<Found>& found) {
  const bool grows = StillGrows(birth, found);
  const std::lock_guard lock(mutex_);
  const auto known = births_.find(birth.path);
  const bool asked = known != births_.end() && std::exchange(known->second, false);
  if (asked) birth.attempts = 0;
  if ((asked || (grows && ++birth.attempts < kBirthAttempts)) && PushLocked(birth, kBirthDelayMs)) return;
  if (known != births_.end()) births_.erase(known);
}

bool Discovery::StillGrows(Birth& birth, std::vector<Found>& found) {
  struct stat st {};
  if (stat(birth.path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return false;
  const auto size = static_cast<uint64_t>(st.st_size);
  const bool grows = size == 0 || size != birth.size;
  birth.size = size;
  bool by_name = false;
  const AssetSpec* spec = Declared(birth.path, by_name);
  if (size > 0) Judge(birth.path, spec, by_name, "birth", found);
  return grows;
}

void Discovery::WalkDeclared(std::vector<Found>& found) {
  std::set<std::string> directories;
  for (const AssetSpec& spec : config_.assets) {
    for (const std::string& pattern : spec.paths) {
      directories.insert(FixedDirectory(pattern));
      WalkGlob(pattern, kMaxWalkEntries, [&](const std::string& path) {
        directories.insert(path.substr(0, std::max<size_t>(1, path.rfind('/'))));
        Judge(path, &spec, NamesItsFiles(pattern), "config", found);
      });
    }
  }
  // Filled by the first pass only: it has no lock, and the worker starts to walk after it.
  if (directories_.empty()) directories_.assign(directories.begin(), directories.end());
}

void Discovery::WalkCaches(std::vector<Found>& found) {
  std::vector<std::string> roots = KnownCaches();
  roots.insert(roots.end(), config_.paths.begin(), config_.paths.end());
  for (const std::string& root : roots) {
    WalkGlob(root + "/**", kMaxWalkEntries,
             [&](const std::string& path) { Judge(path, nullptr, false, "discovery", found); });
  }
}

void Discovery::WalkProcesses(std::vector<Found>& found) {
  ForEachEntry("/proc", [&](const std::string& name) {
    if (name.find_first_not_of("0123456789") == std::string::npos) WalkProcess("/proc/" + name, 0, found);
  });
}

// Descriptors and mappings of one process. `only_ino` 0: all files, else the one asked for.
void Discovery::WalkProcess(const std::string& proc_dir, uint64_t only_ino, std::vector<Found>& found) {
  auto judge = [&](const std::string& link) {
    struct stat st {};
    if (stat(link.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return;
    if (only_ino != 0 && st.st_ino != only_ino) return;
    if (static_cast<uint64_t>(st.st_size) < config_.min_bytes) return;
    bool by_name = false;
    const AssetSpec* spec = Declared(LinkTarget(link), by_name);
    Judge(link, spec, by_name, "discovery", found);
  };
  ForEachEntry(proc_dir + "/fd", [&](const std::string& fd) { judge(fmt::format("{}/fd/{}", proc_dir, fd)); });
  std::set<std::string> seen;  // libraries and models are mapped in many pieces
  ForEachEntry(proc_dir + "/map_files", [&](const std::string& range) {
    const std::string link = fmt::format("{}/map_files/{}", proc_dir, range);
    if (seen.insert(LinkTarget(link)).second) judge(link);
  });
}

const AssetSpec* Discovery::Declared(const std::string& path, bool& by_name) const {
  for (const AssetSpec& spec : config_.assets) {
    for (const std::string& pattern : spec.paths) {
      if (!GlobMatch(pattern, path)) continue;
      by_name = NamesItsFiles(pattern);
      return &spec;
    }
  }
  return nullptr;
}

void Discovery::Judge(const std::string& path, const AssetSpec* spec, bool by_name, const char* found_by,
                      std::vector<Found>& found) {
  struct stat st {};
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME));
  if (!fd || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return;
  const auto size = static_cast<uint64_t>(st.st_size);
  if (size == 0 || (!by_name && size < config_.min_bytes && spec == nullptr)) return;

  const FileStamp stamp{size, st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec};
  if (judged_.size() >= config_.max_remembered) judged_.clear();
  auto [known, fresh] = judged_.try_emplace({st.st_dev, st.st_ino}, stamp);
  if (!fresh && known->second == stamp) return;
  known->second = stamp;

  const std::string resolved = LinkTarget(fmt::format("/proc/self/fd/{}", fd.get()));
  const absl::StatusOr<Identity> identity = IdentifyFile(fd.get(), LastComponent(resolved));
  const bool is_model = identity.ok() && !identity->format.empty() && identity->confidence >= 0.5;
  if (!is_model && !by_name && (spec == nullptr || size < config_.min_bytes)) return;

  AssetFound asset;
  asset.path = resolved.empty() ? path : resolved;
  asset.name = spec != nullptr && !spec->name.empty() ? spec->name : LastComponent(asset.path);
  asset.klass = spec != nullptr ? spec->klass : identity->klass;
  asset.format = is_model ? identity->format : "";
  asset.found_by = spec != nullptr && std::string_view(found_by) == "discovery" ? "config" : found_by;
  asset.size = SizeOnDisk(fd.get(), st);
  asset.mtime_ns = static_cast<uint64_t>(stamp.mtime_ns);
  asset.owner_uid = st.st_uid;
  found.push_back(Found{.fd = std::move(fd), .asset = std::move(asset)});
}

}  // namespace tensorwarden
