#include "agent/sensor/name_book.h"

#include <fcntl.h>

#include "agent/base/unique_fd.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxVacated = 4096;  // beyond it they are forgotten: each move itself was told

}  // namespace

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsBelow(const std::string& path, const std::string& directory) {
  return !directory.empty() && path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

std::string JoinPath(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

void NameBook::Add(const FileKey& file, const std::string& path) {
  if (const auto old = paths_.find(file); old != paths_.end()) Forget(old->second, file);
  by_path_[path] = file;
  paths_[file] = path;
  vacated_.erase(path);
}

void NameBook::Remove(const FileKey& file) {
  const auto found = paths_.find(file);
  if (found == paths_.end()) return;
  Forget(found->second, file);
  paths_.erase(found);
}

void NameBook::Forget(const std::string& path, const FileKey& file) {
  if (const auto named = by_path_.find(path); named != by_path_.end() && named->second == file) by_path_.erase(named);
}

std::string NameBook::PathOf(const FileKey& file) const {
  const auto found = paths_.find(file);
  return found == paths_.end() ? "" : found->second;
}

FileKey NameBook::At(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? FileKey{} : found->second;
}

// Not by O_PATH: such a descriptor does not show the inode below overlayfs.
FileKey NameBook::KeyAt(const std::string& path) const {
  if (path.empty()) return {};
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_NOCTTY));
  if (!fd) return {};
  return key_of_(fd.get()).value_or(FileKey{});
}

void NameBook::Renamed(const std::string& old_path, const std::string& path, FileKey file, const Origin& origin,
                       std::vector<Event>& events) {
  const bool is_watched = Knows(file);
  FileName name{.file = file ? file : KeyAt(path), .op = EVENT_NAME_RENAME, .path = path, .old_path = old_path};
  if (const FileKey replaced = At(path); replaced && replaced != name.file) name.replaced = replaced;
  Forget(old_path, name.file);
  if (!path.empty() && (is_watched || name.replaced)) by_path_[path] = name.file;
  if (is_watched && !path.empty()) paths_[file] = path;
  events.push_back({.origin = origin, .body = std::move(name)});
}

void NameBook::Created(const std::string& path, FileKey file, const Origin& origin, std::vector<Event>& events) {
  const bool is_watched = Knows(file);
  FileName name{.file = file ? file : KeyAt(path), .path = path};
  name.op = is_watched ? EVENT_NAME_LINK : EVENT_NAME_CREATE;
  events.push_back({.origin = origin, .body = std::move(name)});
}

void NameBook::Deleted(const std::string& path, FileKey file, const Origin& origin, std::vector<Event>& events) {
  FileName name{.file = Knows(file) ? file : At(path), .op = EVENT_NAME_UNLINK, .path = path};
  if (!name.file) return;
  if (At(path) == name.file) paths_[name.file].clear();  // another name that it may have is not known
  Forget(path, name.file);
  events.push_back({.origin = origin, .body = std::move(name)});
}

// A watched file has another path now, because a directory above it has.
FileName NameBook::Move(const FileKey& file, const std::string& path) {
  std::string& known = paths_[file];
  FileName name{.file = file, .op = EVENT_NAME_RENAME, .path = path, .old_path = known};
  Forget(known, file);
  if (vacated_.size() >= kMaxVacated) vacated_.clear();
  if (!known.empty()) vacated_[known] = file;
  if (const auto taken = vacated_.find(path); taken != vacated_.end()) {
    if (taken->second != file) name.replaced = taken->second;
    vacated_.erase(taken);
  }
  if (!path.empty()) by_path_[path] = file;
  known = path;
  return name;
}

bool NameBook::DirectoryMoved(const std::string& old_path, const std::string& path, const Origin& origin,
                              std::vector<Event>& events) {
  std::vector<FileKey> below;
  for (const auto& [file, known] : paths_)
    if (IsBelow(known, old_path)) below.push_back(file);
  for (const FileKey& file : below) {
    const std::string rest = paths_[file].substr(old_path.size());
    events.push_back({.origin = origin, .body = Move(file, path.empty() ? "" : path + rest)});
  }
  return !below.empty();
}

void NameBook::TakeVacated(const std::string& old_path, const std::string& path, const Origin& origin,
                           std::vector<Event>& events) {
  absl::erase_if(vacated_, [&](const auto& entry) {
    if (!IsBelow(entry.first, path)) return false;
    FileName name{.replaced = entry.second, .op = EVENT_NAME_RENAME, .path = entry.first};
    name.file = KeyAt(name.path);
    if (!name.file || name.file == name.replaced) return false;
    if (!old_path.empty()) name.old_path = old_path + name.path.substr(path.size());
    events.push_back({.origin = origin, .body = std::move(name)});
    return true;
  });
}

}  // namespace tensorwarden
