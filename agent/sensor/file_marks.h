// Names and changes of watched files from fanotify, for the file systems where no probe hints at them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/event/event.h"
#include "agent/sensor/fanotify_records.h"
#include "agent/sensor/file_handles.h"
#include "agent/sensor/name_book.h"

namespace tensorwarden {

// Who opened a watched file: reason to look at what it maps.
struct AssetOpen {
  FileKey file;
  ProcessKey process;
};

// A mark makes every open and close on its file system slower (60 to 80 ns), so this comes last. A watched file's
// directories up to the root are marked for renames of directories, which move it as well.
// Marks: at most 65 536 files and as many directories; one beyond that is refused and counted in Failures().
class FileMarks {
 public:
  // `book` must outlive this. Errors: the kernel's.
  static absl::StatusOr<std::unique_ptr<FileMarks>> Create(NameBook& book,
                                                           std::function<ProcessKey(uint32_t tgid)> process_of);

  int PollFd() const { return group_.get(); }
  bool empty() const { return directories_.empty(); }
  // Errors: the kernel's. Events about the file's bytes then come from the probes alone.
  absl::Status Watch(const FileKey& file, const std::string& path);
  absl::Status WatchDirectory(const std::string& path);
  void Unwatch(const FileKey& file);

  // Reads what waits, one buffer at most per call. FileName and FileChange events are appended; the agent's own doings
  // are left out. At most one FileChange per process, file and kind each 100 ms.
  void Drain(std::vector<Event>& events, std::vector<AssetOpen>& opens);
  uint64_t overflows() const { return overflows_; }
  // "" or how many marks failed, and why the last one did.
  std::string Failures() const;

 private:
  // What an attribute change is told against.
  struct Attributes {
    uint64_t ino = 0;  // 0: not known
    uint64_t links = 0;
    uint64_t size = 0;
    int64_t mtime_ns = 0;
    uint32_t mode = 0;
    uint32_t uid = 0;
    uint32_t gid = 0;
    bool operator==(const Attributes&) const = default;
  };
  struct File {
    HandleId handle;
    Attributes attributes;
  };

  FileMarks(NameBook& book, std::function<ProcessKey(uint32_t)> process_of)
      : book_(book), process_of_(std::move(process_of)) {}
  absl::Status Mark(const std::string& path, uint64_t mask);
  absl::Status Fail(absl::Status status);
  void Take(const MarkRecord& record, std::vector<Event>& events, std::vector<AssetOpen>& opens);
  static Attributes AttributesAt(const std::string& path);
  static bool OnlyLinksChanged(File& file, const std::string& path);
  void WatchAncestors(const std::string& path);
  bool IsWatchedDirectory(const std::optional<NamedEntry>& entry) const;
  void MoveDirectories(const std::string& old_path, const std::string& path);
  std::string NewPath(const MarkRecord& record) const;
  void TakeNames(const MarkRecord& record, const Origin& origin, std::vector<Event>& events);
  void TakeFileRename(const MarkRecord& record, const Origin& origin, std::vector<Event>& events);
  void TakeDirectoryRename(const MarkRecord& record, const Origin& origin, std::vector<Event>& events);
  void TakeChange(const FileKey& file, uint32_t change, const Origin& origin, std::vector<Event>& events);
  FileKey Known(const HandleId& object) const;
  std::string PathOf(const std::optional<NamedEntry>& entry) const;

  NameBook& book_;
  std::function<ProcessKey(uint32_t)> process_of_;
  UniqueFd group_;
  absl::flat_hash_map<HandleId, FileKey> by_handle_;
  absl::flat_hash_map<FileKey, File> files_;
  absl::flat_hash_map<HandleId, std::string> directories_;
  absl::flat_hash_map<HandleId, std::string> ancestors_;  // of watched files: only renames of directories count
  absl::flat_hash_map<std::pair<FileKey, uint64_t>, uint64_t> last_change_;  // (tgid, kind) -> when
  uint64_t overflows_ = 0;
  uint64_t failed_ = 0;
  std::string last_failure_;
};

}  // namespace tensorwarden
