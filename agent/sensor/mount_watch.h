// Mounts that hide watched files: no name of theirs changes, and yet their paths lead elsewhere.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/base/mountinfo.h"
#include "agent/base/unique_fd.h"
#include "agent/event/event.h"
#include "agent/sensor/name_book.h"

namespace tensorwarden {

// Sees the agent's own mount namespace, and what propagates into it. The kernel tells that the table of mounts has
// changed, but not by whom: the events' process is that of the last hint at a mount (LSM), else unknown.
class MountWatch {
 public:
  // `book` must outlive this. `path`: a mountinfo file. Errors: the kernel's.
  static absl::StatusOr<std::unique_ptr<MountWatch>> Create(const NameBook& book, const std::string& path);

  // Somebody is about to mount something.
  void Hint(const Origin& origin) { hint_ = origin; }
  // A FileName event (EVENT_NAME_MOUNT) for each watched file whose path leads elsewhere since a mount came. Cheap when
  // nothing has changed: call it often. (The descriptor tells a change to one poll only, so it is in no epoll set.)
  void Drain(std::vector<Event>& events);

 private:
  MountWatch(const NameBook& book, UniqueFd fd) : book_(book), fd_(std::move(fd)) {}
  std::vector<Mount> Read() const;
  void Take(const Mount& mount, std::vector<Event>& events) const;
  Origin Actor() const;

  const NameBook& book_;
  UniqueFd fd_;
  absl::flat_hash_set<int> known_;
  Origin hint_;
};

}  // namespace tensorwarden
