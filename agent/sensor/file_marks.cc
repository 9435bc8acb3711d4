#include "agent/sensor/file_marks.h"

#include <absl/container/flat_hash_set.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/clock.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kFileMask = FAN_OPEN | FAN_MODIFY | FAN_ATTRIB | FAN_MOVE_SELF;
constexpr uint64_t kDirectoryMask = FAN_CREATE | FAN_DELETE | FAN_RENAME;
constexpr size_t kMaxMarks = 65536;
constexpr size_t kMaxRecentChanges = 4096;
constexpr uint64_t kChangeGapNs = 100'000'000;

std::string Directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A rename, link or unlink changes the link count of an inode too: told once, as a change of names.
void DropLinkCounts(std::vector<MarkRecord>& records) {
  absl::flat_hash_set<uint32_t> namers;
  for (const MarkRecord& record : records)
    if ((record.mask & (kDirectoryMask | FAN_MOVE_SELF)) != 0) namers.insert(record.pid);
  for (MarkRecord& record : records)
    if (namers.contains(record.pid)) record.mask &= ~uint64_t{FAN_ATTRIB};
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileMarks>> FileMarks::Create(MarkQueries queries) {
  auto marks = std::unique_ptr<FileMarks>(new FileMarks(std::move(queries)));
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
  if (path.empty()) return absl::OkStatus();
  if (files_.size() >= kMaxMarks && !files_.contains(file))
    return Fail(absl::ResourceExhaustedError("too many watched files"));
  const std::optional<HandleId> handle = HandleOf(path);
  if (!handle) return Fail(absl::ErrnoToStatus(errno, fmt::format("handle of '{}'", path)));
  if (absl::Status status = Mark(path, kFileMask); !status.ok()) return status;
  by_handle_[*handle] = file;
  by_path_[path] = file;
  files_[file] = {*handle, path};
  return WatchDirectory(Directory(path));
}

void FileMarks::Unwatch(const FileKey& file) {
  const auto found = files_.find(file);
  if (found == files_.end()) return;
  const File& known = found->second;
  // By path: when another file has the name now, its mark is not ours to remove.
  const auto named = by_path_.find(known.path);
  if (named != by_path_.end() && named->second == file) {
    fanotify_mark(group_.get(), FAN_MARK_REMOVE | FAN_MARK_DONT_FOLLOW, kFileMask, AT_FDCWD, known.path.c_str());
    by_path_.erase(named);
  }
  by_handle_.erase(known.handle);
  files_.erase(found);
}

FileKey FileMarks::Known(const HandleId& object) const {
  const auto found = by_handle_.find(object);
  return found == by_handle_.end() ? FileKey{} : found->second;
}

std::string FileMarks::PathOf(const NamedEntry& entry) const {
  const auto found = directories_.find(entry.directory);
  if (found == directories_.end()) return "";
  return found->second == "/" ? "/" + entry.name : found->second + "/" + entry.name;
}

std::string FileMarks::PathOf(const FileKey& file) const {
  const auto found = files_.find(file);
  return found == files_.end() ? "" : found->second.path;
}

// Not by O_PATH: such a descriptor does not show the inode below overlayfs. Devices and pipes are not waited for.
FileKey FileMarks::KeyAt(const std::string& path) const {
  if (path.empty()) return {};
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_NOCTTY));
  if (!fd) return {};
  return queries_.key_of(fd.get()).value_or(FileKey{});
}

void FileMarks::TakeChange(const FileKey& file, uint32_t change, const Origin& origin, std::vector<Event>& events) {
  if (!file) return;
  uint64_t& last = last_change_[{file, uint64_t{origin.process.tgid} << 8 | change}];
  if (last != 0 && origin.ktime_ns - last < kChangeGapNs) return;
  last = origin.ktime_ns;
  if (last_change_.size() > kMaxRecentChanges) last_change_.clear();  // a record more is better than state without end
  events.push_back({.origin = origin, .body = FileChange{.file = file, .change = change}});
}

void FileMarks::TakeRename(const MarkRecord& record, const Origin& origin, std::vector<Event>& events) {
  FileName name{.op = EVENT_NAME_RENAME};
  if (record.from) name.old_path = PathOf(*record.from);
  if (record.to) name.path = PathOf(*record.to);
  name.file = Known(record.object);
  const bool is_watched = static_cast<bool>(name.file);
  if (!is_watched) name.file = KeyAt(name.path);
  if (const auto replaced = by_path_.find(name.path); replaced != by_path_.end() && replaced->second != name.file)
    name.replaced = replaced->second;
  if (const auto old = by_path_.find(name.old_path); old != by_path_.end() && old->second == name.file)
    by_path_.erase(old);
  if (!name.path.empty() && (is_watched || name.replaced)) by_path_[name.path] = name.file;
  if (is_watched && !name.path.empty()) files_[name.file].path = name.path;
  events.push_back({.origin = origin, .body = std::move(name)});
}

void FileMarks::TakeEntry(const MarkRecord& record, const Origin& origin, std::vector<Event>& events) {
  FileName name{.path = PathOf(*record.entry)};
  name.file = Known(record.object);
  const auto named = by_path_.find(name.path);
  if ((record.mask & FAN_CREATE) != 0) {
    name.op = name.file ? EVENT_NAME_LINK : EVENT_NAME_CREATE;
    if (!name.file) name.file = KeyAt(name.path);
  } else {
    if (!name.file && named != by_path_.end()) name.file = named->second;
    if (!name.file) return;  // a stranger in the directory went
    name.op = EVENT_NAME_UNLINK;
    if (named != by_path_.end() && named->second == name.file) by_path_.erase(named);
  }
  events.push_back({.origin = origin, .body = std::move(name)});
}

void FileMarks::Take(const MarkRecord& record, std::vector<Event>& events, std::vector<AssetOpen>& opens) {
  if ((record.mask & FAN_Q_OVERFLOW) != 0) ++overflows_;
  if ((record.mask & FAN_Q_OVERFLOW) != 0 || record.pid == static_cast<uint32_t>(getpid())) return;
  Origin origin;
  origin.ktime_ns = BoottimeNs();
  origin.process = queries_.process_of(record.pid);
  if ((record.mask & FAN_RENAME) != 0) TakeRename(record, origin, events);
  if ((record.mask & (FAN_CREATE | FAN_DELETE)) != 0 && record.entry) TakeEntry(record, origin, events);
  const FileKey file = Known(record.object);
  if (!file) return;
  if ((record.mask & FAN_MODIFY) != 0) TakeChange(file, EVENT_CHANGE_WRITE, origin, events);
  if ((record.mask & FAN_ATTRIB) != 0) TakeChange(file, EVENT_CHANGE_ATTRIBUTE, origin, events);
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
