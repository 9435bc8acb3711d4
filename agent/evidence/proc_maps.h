// The mappings of a process, as /proc/PID/maps lists them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorwarden {

struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t offset = 0;  // of `start` in the file
  uint64_t inode = 0;   // 0: no file
  bool executable = false;
  std::string path;  // or the kernel's name: [vdso], [stack]; " (deleted)" is cut off
};

// In order of address. Lines that are none, and a last one that is cut off, are left out.
std::vector<Mapping> ParseMaps(std::string_view text);

// nullptr when nothing is mapped there.
const Mapping* FindMapping(const std::vector<Mapping>& mappings, uint64_t address);

}  // namespace tensorwarden
