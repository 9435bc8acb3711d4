// What a fanotify group with names and handles writes, as plain structs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tensorwarden {

// A file handle with its file system's id, as one comparable string of bytes.
using HandleId = std::string;

struct NamedEntry {
  HandleId directory;
  std::string name;
};

struct MarkRecord {
  uint64_t mask = 0;                // FAN_*
  uint32_t pid = 0;                 // thread group
  HandleId object;                  // "" when the record names none
  std::optional<NamedEntry> entry;  // create, delete
  std::optional<NamedEntry> from;   // rename, when the old directory is watched
  std::optional<NamedEntry> to;     // rename, when the new directory is watched
};

// Parses one read(2) of the group. Broken records end the parse; descriptors (none are expected) are closed.
std::vector<MarkRecord> ParseFanotify(std::span<const std::byte> buffer);

// Handle of what `path` names (a link itself, not its target); nothing when the file system gives none.
std::optional<HandleId> HandleOf(const std::string& path);

// Where the object of a handle is now, by a descriptor of any directory of its mount; nothing when it is gone, lies on
// another file system, or its handle only compares.
std::optional<std::string> PathOfHandle(const HandleId& id, int mount_fd);

// The same by the path that it had: a handle opens by any directory of its mount, and those above the path are of it up
// to the mount's root. "" when it is gone, or cannot be found so.
std::string PathByHandle(const HandleId& id, const std::string& former_path);

}  // namespace tensorwarden
