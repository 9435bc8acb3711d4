// What a fanotify group with names and handles writes, as plain structs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/sensor/file_handles.h"

namespace tensorwarden {

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

}  // namespace tensorwarden
