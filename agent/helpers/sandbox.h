// Gives up everything that reading hostile bytes does not need.
#pragma once

#include <cstdint>
#include <span>

namespace tensorwarden::helpers {

struct Sandbox {
  int last_fd = 2;                       // files above it are closed
  uint64_t max_memory = 1 << 30;         // bytes of address space
  uint64_t max_file_bytes = 64 << 20;    // of what it writes to a regular file
  std::span<const int> more_calls = {};  // system calls beyond those that reading takes
};

// User nobody where that is allowed, no capabilities, no new privileges, bounded memory and files, and only the system
// calls that reading takes. False: something that must hold could not be had, and nothing hostile may be read.
bool EnterSandbox(const Sandbox& sandbox);

// The process ends when one question takes longer than this. 0 takes the clock away.
void SetClock(unsigned int seconds);

}  // namespace tensorwarden::helpers
