// Names of watched files from hints: a probe says that a watched directory or file is getting or losing a name, and a
// look at the directory says which.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/directory_listing.h"
#include "agent/sensor/file_handles.h"
#include "agent/sensor/name_book.h"

namespace tensorwarden {

// Bounds: 65 536 directories; a directory of more than 262 144 entries is looked at for assets only, not for births;
// 16 384 hints wait at most. What is beyond is counted in Failures(). A directory that takes long to read is read
// again only after ten times as long, so a busy one costs at most a tenth of a core.
class NameScans {
 public:
  // `register_directory` lets the probes hint at a directory. `book` must outlive this.
  NameScans(NameBook& book, std::function<absl::Status(const FileKey&)> register_directory)
      : book_(book), register_directory_(std::move(register_directory)) {}

  // `file` is in the book and its probe's filter already. Its directory is scanned, those above it are known by their
  // places. Errors: the kernel's; ResourceExhausted.
  absl::Status Watch(const FileKey& file, const std::string& path);
  absl::Status WatchDirectory(const std::string& path);
  void Unwatch(const FileKey& file) { handles_.erase(file); }

  // A NameHint event. The look comes with the next Drain.
  void Take(Event hint);
  // FileName events of all that changed in directories with hints.
  void Drain(uint64_t now_ns, std::vector<Event>& events);

  bool empty() const { return directories_.empty(); }
  uint64_t dropped_hints() const { return dropped_; }
  // "" or how many directories could not be watched, and why the last one.
  std::string Failures() const;

 private:
  struct Directory {
    std::string path;
    HandleId handle;
    bool scanned = false;  // else only its place matters: it is above an asset's directory
    DirectoryListing entries;
    uint64_t next_scan_ns = 0;
  };
  // One name that leads elsewhere than before. Inode 0: it did not, or does not, lead anywhere.
  struct Change {
    FileKey directory;
    std::string path;
    uint64_t before = 0;
    uint64_t after = 0;
  };

  absl::Status Add(const std::string& path, bool scanned);
  absl::Status Fail(absl::Status status);
  void WatchAbove(const std::string& path);
  bool IsInPlace(const FileKey& key, const std::string& path) const;
  void TakeMoves(const std::vector<Event>& hints, std::vector<Event>& events);
  void Move(const FileKey& key, const Origin& origin, std::vector<Event>& events);
  std::vector<Event> HintsDue(uint64_t now_ns, absl::flat_hash_set<FileKey>& due);
  FileKey DirectoryToScan(const NameHint& hint) const;
  void Scan(const FileKey& key, std::vector<Change>& changes);
  void FindReused(const std::vector<Event>& hints, std::vector<Change>& changes) const;
  void Tell(std::vector<Change>& changes, const std::vector<Event>& hints, std::vector<Event>& events);
  void TellNew(const Change& change, const std::vector<Change>& changes, const std::vector<Event>& hints,
               std::vector<Event>& events);
  void TellGone(const Change& change, const std::vector<Change>& changes, const std::vector<Event>& hints,
                std::vector<Event>& events);

  NameBook& book_;
  std::function<absl::Status(const FileKey&)> register_directory_;
  absl::flat_hash_map<FileKey, Directory> directories_;
  absl::flat_hash_map<std::string, FileKey> by_path_;
  absl::flat_hash_map<FileKey, HandleId> handles_;  // of watched files: where they went is asked by it
  std::vector<Event> hints_;
  uint64_t dropped_ = 0;
  uint64_t failed_ = 0;
  std::string last_failure_;
};

}  // namespace tensorwarden
