#include "agent/sensor/name_scans.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/unique_fd.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxDirectories = 65536;
constexpr size_t kMaxEntries = 262144;
constexpr size_t kMaxHints = 16384;
constexpr uint64_t kScanShare = 10;  // a scan may take one part of this many of the time

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME));
}

const NameHint& Hint(const Event& event) { return std::get<NameHint>(event.body); }

bool May(const NameHint& hint, uint32_t op) { return hint.op == op || hint.op == 0; }

// Who did it: the hint at the inode itself, else at its directory with this operation, else at the directory.
const Event* Cause(const std::vector<Event>& hints, uint64_t ino, const FileKey& directory, uint32_t op) {
  const Event* best = nullptr;
  int best_rank = 0;
  for (const Event& event : hints) {
    const NameHint& hint = Hint(event);
    int rank = 0;
    if (!hint.directory && hint.inode.ino == ino && hint.inode.dev == directory.dev && May(hint, op))
      rank = 3;
    else if (hint.inode == directory)
      rank = May(hint, op) ? 2 : 1;
    if (rank > best_rank) {
      best = &event;
      best_rank = rank;
    }
  }
  return best;
}

bool AnyAsks(const std::vector<Event>& hints, const FileKey& directory, uint32_t op) {
  return std::any_of(hints.begin(), hints.end(),
                     [&](const Event& event) { return Hint(event).inode == directory && May(Hint(event), op); });
}

Origin OriginOf(const Event* cause) {
  if (cause != nullptr) return cause->origin;
  Origin unknown;
  unknown.ktime_ns = BoottimeNs();
  return unknown;
}

}  // namespace

absl::Status NameScans::Fail(absl::Status status) {
  ++failed_;
  last_failure_ = std::string(status.message());
  return status;
}

std::string NameScans::Failures() const {
  return failed_ == 0 ? "" : fmt::format("{} directories failed; last: {}", failed_, last_failure_);
}

// The probe is told first: what happens while the directory is read is hinted at then.
absl::Status NameScans::Add(const std::string& path, bool scanned) {
  if (const auto known = by_path_.find(path); known != by_path_.end()) {
    Directory& directory = directories_[known->second];
    if (directory.scanned || !scanned) return absl::OkStatus();
  }
  const UniqueFd fd = OpenDirectory(path);
  if (!fd) return Fail(absl::ErrnoToStatus(errno, fmt::format("open directory '{}'", path)));
  const absl::StatusOr<FileKey> key = book_.KeyOf(fd.get());
  if (!key.ok()) return Fail(key.status());
  if (directories_.size() >= kMaxDirectories && !directories_.contains(*key))
    return Fail(absl::ResourceExhaustedError("too many watched directories"));
  if (absl::Status status = register_directory_(*key); !status.ok()) return Fail(status);
  Directory& directory = directories_[*key];
  directory.path = path;
  directory.handle = HandleOf(path).value_or("");
  directory.scanned |= scanned;
  by_path_[path] = *key;
  if (!scanned) return absl::OkStatus();
  absl::Status status = ListDirectory(fd.get(), kMaxEntries, directory.entries);
  return status.ok() ? status : Fail(std::move(status));
}

absl::Status NameScans::WatchDirectory(const std::string& path) {
  absl::Status status = Add(path, true);
  if (status.ok()) WatchAbove(path);
  return status;
}

absl::Status NameScans::Watch(const FileKey& file, const std::string& path) {
  if (std::optional<HandleId> handle = HandleOf(path)) handles_[file] = *std::move(handle);
  return WatchDirectory(DirectoryOf(path));
}

// Up to the root of its file system, which has no name there. What is refused is counted.
void NameScans::WatchAbove(const std::string& path) {
  struct stat below {};
  if (stat(path.c_str(), &below) != 0) return;
  for (std::string above = path; above.starts_with('/') && above != "/";) {
    above = DirectoryOf(above);
    struct stat st {};
    if (by_path_.contains(above) || stat(above.c_str(), &st) != 0 || st.st_dev != below.st_dev) return;
    if (!Add(above, false).ok()) return;
  }
}

void NameScans::Take(Event hint) {
  if (hints_.size() < kMaxHints)
    hints_.push_back(std::move(hint));
  else
    ++dropped_;
}

// A directory that was moved takes all below it along.
void NameScans::Move(const FileKey& key, const Origin& origin, std::vector<Event>& events) {
  const std::string old_path = directories_[key].path;
  const std::string path = PathByHandle(directories_[key].handle, old_path);
  book_.DirectoryMoved(old_path, path, origin, events);
  std::vector<FileKey> gone;
  for (auto& [other, directory] : directories_) {
    if (directory.path != old_path && !IsBelow(directory.path, old_path)) continue;
    by_path_.erase(directory.path);
    if (path.empty()) {
      gone.push_back(other);
      continue;
    }
    directory.path = path + directory.path.substr(old_path.size());
    by_path_[directory.path] = other;
  }
  for (const FileKey& one : gone) directories_.erase(one);
  if (!path.empty()) WatchAbove(path);
}

bool NameScans::IsInPlace(const FileKey& key, const std::string& path) const {
  if (const UniqueFd above = OpenDirectory(DirectoryOf(path)); above) WaitForNames(above.get());
  const UniqueFd fd = OpenDirectory(path);
  // What cannot be looked at, for want of descriptors or memory, is not gone.
  if (!fd) return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
  return book_.KeyOf(fd.get()).value_or(FileKey{}) == key;
}

// A hint at a directory is about an entry of it or about its own place.
void NameScans::TakeMoves(const std::vector<Event>& hints, std::vector<Event>& events) {
  absl::flat_hash_set<FileKey> seen;
  for (const Event& event : hints) {
    const NameHint& hint = Hint(event);
    const auto found = directories_.find(hint.inode);
    const bool may_go = May(hint, EVENT_NAME_RENAME) || May(hint, EVENT_NAME_UNLINK);
    if (!hint.directory || !may_go || found == directories_.end() || !seen.insert(hint.inode).second) continue;
    if (!IsInPlace(hint.inode, found->second.path)) Move(hint.inode, event.origin, events);
  }
  seen.clear();
  for (const Event& event : hints) {
    const auto found = directories_.find(Hint(event).inode);
    if (!May(Hint(event), EVENT_NAME_RENAME) || found == directories_.end() || !seen.insert(found->first).second)
      continue;
    book_.TakeVacated("", found->second.path, event.origin, events);
  }
}

FileKey NameScans::DirectoryToScan(const NameHint& hint) const {
  if (hint.directory) return hint.inode;
  const auto found = by_path_.find(DirectoryOf(book_.PathOf(hint.inode)));
  return found == by_path_.end() ? FileKey{} : found->second;
}

// The hints whose directories may be read now; the others wait.
std::vector<Event> NameScans::HintsDue(uint64_t now_ns, absl::flat_hash_set<FileKey>& due) {
  std::vector<Event> now;
  std::vector<Event> later;
  for (Event& event : hints_) {
    const auto found = directories_.find(DirectoryToScan(Hint(event)));
    const bool waits = found != directories_.end() && found->second.next_scan_ns > now_ns;
    if (found != directories_.end() && !waits) due.insert(found->first);
    (waits ? later : now).push_back(std::move(event));
  }
  hints_ = std::move(later);
  return now;
}

void NameScans::Scan(const FileKey& key, std::vector<Change>& changes) {
  const auto found = directories_.find(key);
  if (found == directories_.end() || !found->second.scanned) return;
  Directory& directory = found->second;
  const uint64_t begin_ns = BoottimeNs();
  const UniqueFd fd = OpenDirectory(directory.path);
  DirectoryListing now;
  const absl::Status status = fd ? ListDirectory(fd.get(), kMaxEntries, now) : absl::NotFoundError("");
  if (!status.ok() && !absl::IsNotFound(status)) Fail(status).IgnoreError();
  for (const auto& [name, ino] : now) {
    const auto before = directory.entries.find(name);
    if (before == directory.entries.end())
      changes.push_back({key, JoinPath(directory.path, name), 0, ino});
    else if (before->second != ino)
      changes.push_back({key, JoinPath(directory.path, name), before->second, ino});
  }
  for (const auto& [name, ino] : directory.entries)
    if (!now.contains(name)) changes.push_back({key, JoinPath(directory.path, name), ino, 0});
  directory.entries = std::move(now);
  const uint64_t end_ns = BoottimeNs();
  directory.next_scan_ns = end_ns + (end_ns - begin_ns) * kScanShare;
}

void NameScans::TellNew(const Change& change, const std::vector<Change>& changes, const std::vector<Event>& hints,
                        std::vector<Event>& events) {
  const FileKey file = book_.KeyAt(change.path);
  const auto came_from = std::find_if(changes.begin(), changes.end(), [&](const Change& other) {
    return other.before == change.after && other.after != change.after && other.directory.dev == change.directory.dev;
  });
  std::string old_path = came_from == changes.end() ? "" : came_from->path;
  if (old_path.empty() && book_.Knows(file) && book_.PathOf(file) != change.path) {
    // An asset: by a second name, unless its first one is gone.
    const std::string known = book_.PathOf(file);
    if (book_.KeyAt(known) == file)
      return book_.Created(change.path, file, OriginOf(Cause(hints, change.after, change.directory, EVENT_NAME_LINK)),
                           events);
    old_path = known;
  }
  const bool renamed =
      !old_path.empty() || (AnyAsks(hints, change.directory, EVENT_NAME_RENAME) &&
                            (change.before != 0 || !AnyAsks(hints, change.directory, EVENT_NAME_CREATE)));
  const uint32_t op = renamed ? EVENT_NAME_RENAME : EVENT_NAME_CREATE;
  const Origin origin = OriginOf(Cause(hints, change.after, change.directory, op));
  if (renamed) return book_.Renamed(old_path, change.path, file, origin, events);
  if (change.before != 0)
    book_.Deleted(change.path, {}, OriginOf(Cause(hints, change.before, change.directory, EVENT_NAME_UNLINK)), events);
  book_.Created(change.path, file, origin, events);
}

void NameScans::TellGone(const Change& change, const std::vector<Change>& changes, const std::vector<Event>& hints,
                         std::vector<Event>& events) {
  const bool moved = std::any_of(changes.begin(), changes.end(), [&](const Change& other) {
    return other.after == change.before && other.directory.dev == change.directory.dev;
  });
  const FileKey file = book_.At(change.path);
  if (moved || !file) return;
  const auto handle = handles_.find(file);
  const std::string path = handle == handles_.end() ? "" : PathByHandle(handle->second, change.path);
  const bool renamed = AnyAsks(hints, change.directory, EVENT_NAME_RENAME) && book_.KeyAt(path) == file;
  const uint32_t op = renamed ? EVENT_NAME_RENAME : EVENT_NAME_UNLINK;
  const Origin origin = OriginOf(Cause(hints, change.before, change.directory, op));
  if (!renamed) return book_.Deleted(change.path, file, origin, events);
  book_.Renamed(change.path, path, file, origin, events);
  WatchDirectory(DirectoryOf(path)).IgnoreError();  // counted there
}

// File systems give a number away again at once: then the listing is as it was, and another file stands there.
// Only in directories that are scanned here: an asset of an overlay is hinted at by the file system of its layer, but
// its names are fanotify's to tell, and this would tell them first with less known.
void NameScans::FindReused(const std::vector<Event>& hints, std::vector<Change>& changes) const {
  for (const Event& event : hints) {
    const FileKey& file = Hint(event).inode;
    const FileKey directory = Hint(event).directory ? FileKey{} : DirectoryToScan(Hint(event));
    const std::string path = book_.PathOf(file);
    if (!directory || book_.At(path) != file) continue;
    const bool told = std::any_of(changes.begin(), changes.end(), [&](const Change& c) { return c.path == path; });
    const FileKey now = told ? file : book_.KeyAt(path);
    if (now && now != file) changes.push_back({directory, path, file.ino, now.ino});
  }
}

// What stands in an asset's place comes first: an exchange would else move the asset away before, and nothing would be
// replaced.
void NameScans::Tell(std::vector<Change>& changes, const std::vector<Event>& hints, std::vector<Event>& events) {
  std::stable_partition(changes.begin(), changes.end(),
                        [&](const Change& change) { return static_cast<bool>(book_.At(change.path)); });
  for (const Change& change : changes)
    if (change.after != 0) TellNew(change, changes, hints, events);
  for (const Change& change : changes)
    if (change.after == 0) TellGone(change, changes, hints, events);
}

void NameScans::Drain(uint64_t now_ns, std::vector<Event>& events) {
  if (hints_.empty()) return;
  absl::flat_hash_set<FileKey> due;
  const std::vector<Event> hints = HintsDue(now_ns, due);
  if (hints.empty()) return;
  TakeMoves(hints, events);
  std::vector<Change> changes;
  for (const FileKey& key : due) Scan(key, changes);
  FindReused(hints, changes);
  Tell(changes, hints, events);
}

}  // namespace tensorwarden
