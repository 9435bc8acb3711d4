// Path globs: *, ? and [..] within a component, ** over any number of components. A leading dot is nothing special:
// what hides must not escape.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace tensorwarden {

// Both absolute. An unclosed '[' stands for itself; '\' quotes the next character.
bool GlobMatch(std::string_view pattern, std::string_view path);

// The part of an absolute pattern before its first wildcard, cut back to a directory.
std::string FixedDirectory(std::string_view pattern);

struct WalkResult {
  size_t entries = 0;      // directory entries looked at
  bool truncated = false;  // max_entries or the depth bound was reached
  size_t unreadable = 0;   // directories that could not be opened
};

// Calls `visit` with each file (or link to one) that matches, walking only directories that can hold a match, in the
// order of their names. ** follows no links to directories, so there are no loops; a single component does.
WalkResult WalkGlob(const std::string& pattern, size_t max_entries,
                    const std::function<void(const std::string& path)>& visit);

}  // namespace tensorwarden
