#include "agent/sensor/file_marks.h"

#include <absl/container/flat_hash_set.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "agent/base/clock.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kFileMask = FAN_OPEN | FAN_MODIFY | FAN_ATTRIB | FAN_MOVE_SELF;
constexpr uint64_t kEntryMask = FAN_CREATE | FAN_DELETE | FAN_RENAME;
constexpr uint64_t kDirectoryMask = kEntryMask | FAN_ONDIR;
constexpr uint64_t kAncestorMask = FAN_RENAME | FAN_ONDIR;
constexpr size_t kMaxMarks = 65536;
constexpr size_t kMaxRecentChanges = 4096;
constexpr uint64_t kChangeGapNs = 100'000'000;

// A rename, link or unlink changes the link count of an inode too: told once, as a change of names.
void DropLinkCounts(std::vector<MarkRecord>& records) {
  absl::flat_hash_set<uint32_t> namers;
  for (const MarkRecord& record : records)
    if ((record.mask & (kEntryMask | FAN_MOVE_SELF)) != 0) namers.insert(record.pid);
  for (MarkRecord& record : records)
    if (namers.contains(record.pid)) record.mask &= ~uint64_t{FAN_ATTRIB};
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileMarks>> FileMarks::Create(NameBook& book,
                                                             std::function<ProcessKey(uint32_t tgid)> process_of) {
  auto marks = std::unique_ptr<FileMarks>(new FileMarks(book, std::move(process_of)));
  // The queue stays limited (an overflow is reported), or a writer could fill the kernel's memory.
  marks->group_ = UniqueFd(fanotify_init(
      FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS | FAN_REPORT_DFID_NAME_TARGET, O_RDONLY));
  if (!marks->group_) return absl::ErrnoToStatus(errno, "fanotify_init");
  return marks;
}

absl::Status FileMarks::Fail(absl::Status status) {
  ++failed_;
  last_failure_ = std::string(status.message());
  return status;
}

std::string FileMarks::Failures() const {
  return failed_ == 0 ? "" : fmt::format("{} marks failed; last: {}", failed_, last_failure_);
}

absl::Status FileMarks::Mark(const std::string& path, uint64_t mask) {
  if (fanotify_mark(group_.get(), FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, mask, AT_FDCWD, path.c_str()) == 0)
    return absl::OkStatus();
  return Fail(absl::ErrnoToStatus(errno, fmt::format("fanotify mark on '{}'", path)));
}

absl::Status FileMarks::WatchDirectory(const std::string& path) {
  if (directories_.size() >= kMaxMarks) return Fail(absl::ResourceExhaustedError("too many watched directories"));
  const std::optional<HandleId> handle = HandleOf(path);
  if (!handle) return Fail(absl::ErrnoToStatus(errno, fmt::format("handle of '{}'", path)));
  if (directories_.contains(*handle)) return absl::OkStatus();
  if (absl::Status status = Mark(path, kDirectoryMask); !status.ok()) return status;
  directories_[*handle] = path;
  return absl::OkStatus();
}

absl::Status FileMarks::Watch(const FileKey& file, const std::string& path) {
  if (files_.size() >= kMaxMarks && !files_.contains(file))
    return Fail(absl::ResourceExhaustedError("too many watched files"));
  const std::optional<HandleId> handle = HandleOf(path);
  if (!handle) return Fail(absl::ErrnoToStatus(errno, fmt::format("handle of '{}'", path)));
  if (absl::Status status = Mark(path, kFileMask); !status.ok()) return status;
  by_handle_[*handle] = file;
  files_[file] = {*handle, AttributesAt(path)};
  WatchAncestors(DirectoryOf(path));
  return WatchDirectory(DirectoryOf(path));
}

// As far as the kernel lets; what is refused is counted. Not beyond the file system: a mark would slow the next one
// down, and its root has no name there.
void FileMarks::WatchAncestors(const std::string& path) {
  struct stat below {};
  if (stat(path.c_str(), &below) != 0) return;
  for (std::string above = path; above.starts_with('/') && above != "/";) {
    above = DirectoryOf(above);
    struct stat st {};
    if (stat(above.c_str(), &st) != 0 || st.st_dev != below.st_dev) return;
    const std::optional<HandleId> handle = HandleOf(above);
    if (!handle || ancestors_.contains(*handle) || ancestors_.size() >= kMaxMarks) return;
    if (!Mark(above, kAncestorMask).ok()) return;
    ancestors_[*handle] = above;
  }
}

FileMarks::Attributes FileMarks::AttributesAt(const std::string& path) {
  struct stat st {};
  if (path.empty() || lstat(path.c_str(), &st) != 0) return {};
  return {.ino = st.st_ino,
          .links = st.st_nlink,
          .size = static_cast<uint64_t>(st.st_size),
          .mtime_ns = st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec,
          .mode = st.st_mode,
          .uid = st.st_uid,
          .gid = st.st_gid};
}

// A name more or less shows as a change of attributes. Equal in everything is none of that: extended attributes.
bool FileMarks::OnlyLinksChanged(File& file, const std::string& path) {
  const Attributes before = std::exchange(file.attributes, AttributesAt(path));
  if (before.ino == 0 || before.ino != file.attributes.ino) return false;
  Attributes linked = before;
  linked.links = file.attributes.links;
  return linked == file.attributes && linked.links != before.links;
}

void FileMarks::Unwatch(const FileKey& file) {
  const auto found = files_.find(file);
  if (found == files_.end()) return;
  // By path: when another file has the name now, its mark is not ours to remove.
  const std::string path = book_.PathOf(file);
  if (book_.At(path) == file)
    fanotify_mark(group_.get(), FAN_MARK_REMOVE | FAN_MARK_DONT_FOLLOW, kFileMask, AT_FDCWD, path.c_str());
  by_handle_.erase(found->second.handle);
  files_.erase(found);
}

FileKey FileMarks::Known(const HandleId& object) const {
  const auto found = by_handle_.find(object);
  return found == by_handle_.end() ? FileKey{} : found->second;
}

std::string FileMarks::PathOf(const std::optional<NamedEntry>& entry) const {
  if (!entry) return "";
  auto found = directories_.find(entry->directory);
  if (found == directories_.end()) found = ancestors_.find(entry->directory);
  if (found == directories_.end() || found == ancestors_.end()) return "";
  return JoinPath(found->second, entry->name);
}

void FileMarks::TakeChange(const FileKey& file, uint32_t change, const Origin& origin, std::vector<Event>& events) {
  if (!file) return;
  uint64_t& last = last_change_[{file, uint64_t{origin.process.tgid} << 8 | change}];
  if (last != 0 && origin.ktime_ns - last < kChangeGapNs) return;
  last = origin.ktime_ns;
  if (last_change_.size() > kMaxRecentChanges) last_change_.clear();  // a record more is better than state without end
  events.push_back({.origin = origin, .body = FileChange{.file = file, .change = change}});
}

bool FileMarks::IsWatchedDirectory(const std::optional<NamedEntry>& entry) const {
  return entry && directories_.contains(entry->directory);
}

void FileMarks::MoveDirectories(const std::string& old_path, const std::string& path) {
  for (auto* paths : {&directories_, &ancestors_}) {
    absl::erase_if(*paths, [&](auto& entry) {
      if (entry.second != old_path && !IsBelow(entry.second, old_path)) return false;
      if (!path.empty()) entry.second = path + entry.second.substr(old_path.size());
      return path.empty();  // gone to where nothing is watched
    });
  }
}

void FileMarks::TakeDirectoryRename(const MarkRecord& record, const Origin& origin, std::vector<Event>& events) {
  const std::string old_path = PathOf(record.from);
  const std::string path = PathOf(record.to);
  const bool has_files = !old_path.empty() && book_.DirectoryMoved(old_path, path, origin, events);
  if (!old_path.empty()) MoveDirectories(old_path, path);
  if (path.empty()) return;
  if (has_files) WatchAncestors(path);
  book_.TakeVacated(old_path, path, origin, events);
}

// Of an asset that left the watched directories its handle tells where it is now.
std::string FileMarks::NewPath(const MarkRecord& record) const {
  std::string path = PathOf(record.to);
  return path.empty() && Known(record.object) ? PathByHandle(record.object, PathOf(record.from)) : path;
}

void FileMarks::TakeFileRename(const MarkRecord& record, const Origin& origin, std::vector<Event>& events) {
  if (!IsWatchedDirectory(record.from) && !IsWatchedDirectory(record.to)) return;
  const FileKey file = Known(record.object);
  const std::string path = NewPath(record);
  book_.Renamed(PathOf(record.from), path, file, origin, events);
  if (!file || path.empty()) return;
  // Or the next move would not be seen. What is refused is counted.
  WatchAncestors(DirectoryOf(path));
  WatchDirectory(DirectoryOf(path)).IgnoreError();
}

void FileMarks::TakeNames(const MarkRecord& record, const Origin& origin, std::vector<Event>& events) {
  const bool is_directory = (record.mask & FAN_ONDIR) != 0;
  if ((record.mask & FAN_RENAME) != 0) {
    if (is_directory)
      TakeDirectoryRename(record, origin, events);
    else
      TakeFileRename(record, origin, events);
  }
  if (!record.entry || is_directory) return;
  if ((record.mask & FAN_CREATE) != 0) book_.Created(PathOf(record.entry), Known(record.object), origin, events);
  if ((record.mask & FAN_DELETE) != 0) book_.Deleted(PathOf(record.entry), Known(record.object), origin, events);
}

void FileMarks::Take(const MarkRecord& record, std::vector<Event>& events, std::vector<AssetOpen>& opens) {
  if ((record.mask & FAN_Q_OVERFLOW) != 0) ++overflows_;
  if ((record.mask & FAN_Q_OVERFLOW) != 0 || record.pid == static_cast<uint32_t>(getpid())) return;
  Origin origin;
  origin.ktime_ns = BoottimeNs();
  origin.process = process_of_(record.pid);
  TakeNames(record, origin, events);
  const auto known = files_.find(Known(record.object));
  if (known == files_.end()) return;
  const FileKey file = known->first;
  const std::string path = book_.PathOf(file);
  const bool links = (record.mask & FAN_ATTRIB) != 0 && OnlyLinksChanged(known->second, path);
  if ((record.mask & FAN_MODIFY) != 0) {
    known->second.attributes = AttributesAt(path);
    TakeChange(file, EVENT_CHANGE_WRITE, origin, events);
  }
  if ((record.mask & FAN_ATTRIB) != 0 && !links) TakeChange(file, EVENT_CHANGE_ATTRIBUTE, origin, events);
  if ((record.mask & FAN_OPEN) != 0) opens.push_back({file, origin.process});
}

void FileMarks::Drain(std::vector<Event>& events, std::vector<AssetOpen>& opens) {
  alignas(fanotify_event_metadata) std::byte buffer[65536];
  const ssize_t n = read(group_.get(), buffer, sizeof(buffer));
  if (n <= 0) return;
  std::vector<MarkRecord> records = ParseFanotify(std::span(buffer, static_cast<size_t>(n)));
  DropLinkCounts(records);
  for (const MarkRecord& record : records) Take(record, events, opens);
}

}  // namespace tensorwarden
