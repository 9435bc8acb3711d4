// What a process has open, for the alert about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

inline constexpr size_t kMaxDescriptors = 64;

struct DescriptorList {
  std::vector<HeldDescriptor> held;
  uint64_t more = 0;    // left out
  std::string problem;  // "" all was seen
};

// Of a link of /proc/PID/fd: "socket:[1]" is a socket without a path, "/dev/null" a path, "anon_inode:[eventfd]" an
// eventfd.
HeldDescriptor DescribeLink(uint32_t fd, std::string_view target);

// What the links show, made exact by what the kernel's list knows: kinds of sockets, their ends, the access. Internet
// sockets first, then files, then the rest, each by number: what is cut off at kMaxDescriptors says least.
DescriptorList MergeDescriptors(std::vector<HeldDescriptor> links, const std::vector<HeldFile>& files);

// The links of one process. `proc` is the mount point of procfs.
DescriptorList ListDescriptors(const std::string& proc, uint32_t tgid, const std::vector<HeldFile>& files);

}  // namespace tensorwarden
