#include "agent/evidence/stack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace tensorwarden {
namespace {

// Index of the mapped file among the request's modules; -1: there is no room for another.
int ModuleOf(const Mapping& mapping, LocatedStack& stack) {
  const auto same = [&](const Mapping& m) { return m.inode == mapping.inode && m.path == mapping.path; };
  const auto known = std::find_if(stack.modules.begin(), stack.modules.end(), same);
  if (known != stack.modules.end()) return static_cast<int>(known - stack.modules.begin());
  if (stack.modules.size() >= kMaxSymbolModules) return -1;
  stack.modules.push_back(mapping);
  stack.request.modules = static_cast<uint32_t>(stack.modules.size());
  return static_cast<int>(stack.modules.size() - 1);
}

}  // namespace

LocatedStack LocateStack(std::span<const uint64_t> addresses, const std::vector<Mapping>& mappings) {
  LocatedStack stack;
  for (const uint64_t address : addresses) {
    StackFrame frame{.address = address};
    // All are addresses to return to: the call itself lies before, and may end its function.
    const Mapping* mapping = FindMapping(mappings, address - 1);
    // Code without frame pointers keeps other things where the kernel looks for the caller.
    const bool is_code = mapping != nullptr && mapping->executable;
    if (!is_code && !mappings.empty() && !stack.frames.empty()) break;
    if (mapping != nullptr) {
      frame.module = mapping->path;
      frame.module_offset = address - mapping->start + mapping->offset;
    }
    const int module = mapping == nullptr || mapping->inode == 0 ? -1 : ModuleOf(*mapping, stack);
    if (module >= 0 && stack.request.frames.size() < kMaxSymbolFrames) {
      stack.request.frames.push_back({static_cast<uint32_t>(module), frame.module_offset - 1});
      stack.asked.push_back(stack.frames.size());
    }
    stack.frames.push_back(std::move(frame));
  }
  return stack;
}

void NameFrames(const SymbolReply& names, LocatedStack& stack) {
  for (size_t i = 0; i < names.size() && i < stack.asked.size(); ++i) {
    if (names[i].function.empty()) continue;
    StackFrame& frame = stack.frames[stack.asked[i]];
    frame.function = names[i].function;
    frame.function_offset = names[i].offset + 1;
  }
}

absl::StatusOr<UniqueFd> OpenMapped(const std::string& proc, uint32_t tgid, const Mapping& mapping) {
  const std::string link = fmt::format("{}/{}/map_files/{:x}-{:x}", proc, tgid, mapping.start, mapping.end);
  const UniqueFd place(open(link.c_str(), O_PATH | O_CLOEXEC));
  struct stat st {};
  if (!place || fstat(place.get(), &st) != 0) return absl::ErrnoToStatus(errno, fmt::format("open '{}'", link));
  if (!S_ISREG(st.st_mode)) return absl::FailedPreconditionError(fmt::format("'{}' is no regular file", mapping.path));
  UniqueFd file(open(fmt::format("/proc/self/fd/{}", place.get()).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return absl::ErrnoToStatus(errno, fmt::format("open '{}'", mapping.path));
  return file;
}

}  // namespace tensorwarden
