// /proc/PID/mountinfo as records (proc(5)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorwarden {

struct Mount {
  int id = 0;         // unique among the mounts that exist now
  std::string root;   // what of the file system is mounted: "/" all of it
  std::string point;  // where
  std::string type;   // "ext4"
  std::string source;
  uint64_t device = 0;  // s_dev: major << 20 | minor
  std::string options;  // the file system's own, as they stand there: "rw,size=1024k"

  // The value of an option; "" when it has none.
  std::string Option(std::string_view name) const;
};

// Octal escapes (blanks, newlines and backslashes in paths) are undone. Lines of another form are left out.
std::vector<Mount> ParseMountinfo(std::string_view text);

}  // namespace tensorwarden
