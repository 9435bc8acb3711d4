// Member names of a zip file, from what the two ends of it show.
#pragma once

#include <string>
#include <vector>

#include "agent/artifact/file_window.h"

namespace tensorwarden {

inline constexpr size_t kMaxZipNames = 4096;

// Names from the central directory, as far as the tail holds it, and from the local headers at the head, as far as
// their sizes are known: a reader uses the former, but a long directory may begin before the tail. Empty: no zip.
std::vector<std::string_view> ZipNames(const FileWindow& window);

}  // namespace tensorwarden
