// Which paths lead to watched files, and what a change of names means for them.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

// The directory of a path; "." when it names none.
std::string DirectoryOf(const std::string& path);
// Whether `path` lies below `directory`, at any depth.
bool IsBelow(const std::string& path, const std::string& directory);
std::string JoinPath(const std::string& directory, const std::string& name);

// The sources of changes (fanotify, hints of probes) say what happened at which path; this says what it did to assets,
// as FileName events. Paths that are "" are not known: a rename from or to where nothing is watched.
class NameBook {
 public:
  // `key_of` asks the kernel for the key of an open descriptor.
  explicit NameBook(std::function<absl::StatusOr<FileKey>(int fd)> key_of) : key_of_(std::move(key_of)) {}

  void Add(const FileKey& file, const std::string& path);
  void Remove(const FileKey& file);
  bool Knows(const FileKey& file) const { return paths_.contains(file); }
  std::string PathOf(const FileKey& file) const;  // "" not known
  FileKey At(const std::string& path) const;      // the watched file that has, or last had, this path

  // What has this path now, asked of the kernel; zero when nothing can be opened there. A link is not followed,
  // devices and pipes are not waited for.
  FileKey KeyAt(const std::string& path) const;
  absl::StatusOr<FileKey> KeyOf(int fd) const { return key_of_(fd); }

  // `file`: zero when the source does not know; the path is asked then.
  void Renamed(const std::string& old_path, const std::string& path, FileKey file, const Origin& origin,
               std::vector<Event>& events);
  void Created(const std::string& path, FileKey file, const Origin& origin, std::vector<Event>& events);
  // Of files that are not watched nothing is told.
  void Deleted(const std::string& path, FileKey file, const Origin& origin, std::vector<Event>& events);
  // A directory was renamed: all watched files below it have other paths. Whether there are any.
  bool DirectoryMoved(const std::string& old_path, const std::string& path, const Origin& origin,
                      std::vector<Event>& events);
  // Strangers that stand where assets stood before their directory was moved away, below `path`. `old_path`: what the
  // directory that stands there now was called before.
  void TakeVacated(const std::string& old_path, const std::string& path, const Origin& origin,
                   std::vector<Event>& events);

 private:
  FileName Move(const FileKey& file, const std::string& path);
  void Forget(const std::string& path, const FileKey& file);

  std::function<absl::StatusOr<FileKey>(int fd)> key_of_;
  absl::flat_hash_map<FileKey, std::string> paths_;
  absl::flat_hash_map<std::string, FileKey> by_path_;
  absl::flat_hash_map<std::string, FileKey> vacated_;  // paths that assets had before their directory moved
};

}  // namespace tensorwarden
