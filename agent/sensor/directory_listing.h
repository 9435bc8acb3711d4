// What a directory holds: names and inode numbers.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <cstdint>
#include <string>

namespace tensorwarden {

using DirectoryListing = absl::flat_hash_map<std::string, uint64_t>;  // name -> inode number

// Reads the open directory `fd` from its beginning; subdirectories are left out. Waits as WaitForNames() does, so what
// was hinted at before is in the listing.
// Errors: the kernel's; ResourceExhausted beyond `max_entries`, with that many read.
absl::Status ListDirectory(int fd, size_t max_entries, DirectoryListing& listing);

// Waits for a change of names in the open directory `fd` that is under way.
void WaitForNames(int fd);

}  // namespace tensorwarden
