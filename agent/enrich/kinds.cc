#include "agent/enrich/kinds.h"

#include <iterator>

#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr const char* kAccessNames[] = {"", "read", "map", "fault", "direct", "foreign"};
constexpr const char* kChangeNames[] = {"", "write", "mapped_write", "truncate", "attribute", "direct_write"};
constexpr const char* kNameOpNames[] = {"", "rename", "link", "unlink", "create", "mount"};
constexpr const char* kSocketOpNames[] = {"", "connect", "accept", "listen", "close", "connect_try", "bind"};
constexpr const char* kHostOpNames[] = {"",       "module_load", "bpf_load",    "uring_setup",    "signal",
                                        "ptrace", "set_uid",     "set_caps",    "user_namespace", "socket",
                                        "clock",  "mount",       "memory_write"};
static_assert(std::size(kHostOpNames) == EVENT_HOST_MEMORY_WRITE + 1);
static_assert(std::size(kAccessNames) == EVENT_ACCESS_FOREIGN + 1);
static_assert(std::size(kChangeNames) == EVENT_CHANGE_DIRECT_WRITE + 1);
static_assert(std::size(kNameOpNames) == EVENT_NAME_MOUNT + 1);
static_assert(std::size(kSocketOpNames) == EVENT_SOCK_BIND + 1);

}  // namespace

uint32_t EventOperation(const Event& event) {
  switch (event.body.index()) {
    case kKindIndex<FileRead>:
      return std::get<FileRead>(event.body).access;
    case kKindIndex<FileChange>:
      return std::get<FileChange>(event.body).change;
    case kKindIndex<FileName>:
      return std::get<FileName>(event.body).op;
    case kKindIndex<SocketState>:
      return std::get<SocketState>(event.body).op;
    case kKindIndex<HostChange>:
      return std::get<HostChange>(event.body).op;
    default:
      return 0;
  }
}

std::span<const char* const> OperationNames(size_t kind) {
  switch (kind) {
    case kKindIndex<FileRead>:
      return kAccessNames;
    case kKindIndex<FileChange>:
      return kChangeNames;
    case kKindIndex<FileName>:
      return kNameOpNames;
    case kKindIndex<SocketState>:
      return kSocketOpNames;
    case kKindIndex<HostChange>:
      return kHostOpNames;
    default:
      return {};
  }
}

const char* EventOperationName(const Event& event) {
  const std::span<const char* const> names = OperationNames(event.body.index());
  const uint32_t operation = EventOperation(event);
  return operation < names.size() ? names[operation] : "";
}

}  // namespace tensorwarden
