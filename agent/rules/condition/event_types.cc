#include "agent/rules/condition/event_types.h"

#include "agent/enrich/nearest.h"
#include "agent/rules/condition/call_names.h"
#include "bpf/abi/event.h"

namespace tensorwarden::rules {
namespace {

struct CallName {
  std::string_view name;
  size_t kind;
  uint32_t operations;
};

constexpr uint32_t kAny = EventTypes::kAnyOperation;
constexpr uint32_t kRead = 1u << EVENT_ACCESS_READ | 1u << EVENT_ACCESS_DIRECT;
constexpr uint32_t kMap = 1u << EVENT_ACCESS_MAP;
constexpr uint32_t kWrite = 1u << EVENT_CHANGE_WRITE | 1u << EVENT_CHANGE_DIRECT_WRITE;
constexpr uint32_t kTruncate = 1u << EVENT_CHANGE_TRUNCATE;
constexpr uint32_t kAttribute = 1u << EVENT_CHANGE_ATTRIBUTE;
constexpr uint32_t kRename = 1u << EVENT_NAME_RENAME;
constexpr uint32_t kLink = 1u << EVENT_NAME_LINK;
constexpr uint32_t kUnlink = 1u << EVENT_NAME_UNLINK;
constexpr uint32_t kConnect = 1u << EVENT_SOCK_CONNECT;
constexpr uint32_t kAccept = 1u << EVENT_SOCK_ACCEPT;
constexpr uint32_t kListen = 1u << EVENT_SOCK_LISTEN;
constexpr uint32_t kBind = 1u << EVENT_SOCK_BIND;

constexpr uint32_t HostOp(event_host_op op) { return 1u << op; }

constexpr CallName kCalls[] = {
    {"open", kKindIndex<FileOpen>, kAny},
    {"openat", kKindIndex<FileOpen>, kAny},
    {"openat2", kKindIndex<FileOpen>, kAny},
    {"creat", kKindIndex<FileOpen>, kAny},
    {"open_by_handle_at", kKindIndex<FileOpen>, kAny},
    {"execve", kKindIndex<ProcessExec>, kAny},
    {"execveat", kKindIndex<ProcessExec>, kAny},
    {"fork", kKindIndex<ProcessFork>, kAny},
    {"vfork", kKindIndex<ProcessFork>, kAny},
    {"clone", kKindIndex<ProcessFork>, kAny},
    {"clone3", kKindIndex<ProcessFork>, kAny},
    {"procexit", kKindIndex<ProcessExit>, kAny},
    {"exit_group", kKindIndex<ProcessExit>, kAny},
    {"connect", kKindIndex<SocketState>, kConnect},
    {"accept", kKindIndex<SocketState>, kAccept},
    {"accept4", kKindIndex<SocketState>, kAccept},
    {"listen", kKindIndex<SocketState>, kListen},
    {"bind", kKindIndex<SocketState>, kBind},
    {"read", kKindIndex<FileRead>, kRead},
    {"readv", kKindIndex<FileRead>, kRead},
    {"pread", kKindIndex<FileRead>, kRead},
    {"preadv", kKindIndex<FileRead>, kRead},
    {"pread64", kKindIndex<FileRead>, kRead},
    {"preadv2", kKindIndex<FileRead>, kRead},
    {"copy_file_range", kKindIndex<FileRead>, kRead},
    {"splice", kKindIndex<FileRead>, kRead},
    {"sendfile64", kKindIndex<FileRead>, kRead},
    {"sendfile", kKindIndex<FileRead>, kRead},
    {"mmap", kKindIndex<FileRead>, kMap},
    {"mmap2", kKindIndex<FileRead>, kMap},
    {"write", kKindIndex<FileChange>, kWrite},
    {"writev", kKindIndex<FileChange>, kWrite},
    {"pwrite", kKindIndex<FileChange>, kWrite},
    {"pwritev", kKindIndex<FileChange>, kWrite},
    {"pwrite64", kKindIndex<FileChange>, kWrite},
    {"pwritev2", kKindIndex<FileChange>, kWrite},
    {"truncate", kKindIndex<FileChange>, kTruncate},
    {"ftruncate", kKindIndex<FileChange>, kTruncate},
    {"chmod", kKindIndex<FileChange>, kAttribute},
    {"fchmod", kKindIndex<FileChange>, kAttribute},
    {"fchmodat", kKindIndex<FileChange>, kAttribute},
    {"fchmodat2", kKindIndex<FileChange>, kAttribute},
    {"setxattr", kKindIndex<FileChange>, kAttribute},
    {"lsetxattr", kKindIndex<FileChange>, kAttribute},
    {"fsetxattr", kKindIndex<FileChange>, kAttribute},
    {"utimensat", kKindIndex<FileChange>, kAttribute},
    {"chown", kKindIndex<FileChange>, kAttribute},
    {"fchown", kKindIndex<FileChange>, kAttribute},
    {"fchownat", kKindIndex<FileChange>, kAttribute},
    {"lchown", kKindIndex<FileChange>, kAttribute},
    {"rename", kKindIndex<FileName>, kRename},
    {"renameat", kKindIndex<FileName>, kRename},
    {"renameat2", kKindIndex<FileName>, kRename},
    {"link", kKindIndex<FileName>, kLink},
    {"linkat", kKindIndex<FileName>, kLink},
    {"unlink", kKindIndex<FileName>, kUnlink},
    {"unlinkat", kKindIndex<FileName>, kUnlink},
    {"init_module", kKindIndex<HostChange>, HostOp(EVENT_HOST_MODULE)},
    {"finit_module", kKindIndex<HostChange>, HostOp(EVENT_HOST_MODULE)},
    {"bpf", kKindIndex<HostChange>, HostOp(EVENT_HOST_BPF)},
    {"io_uring_setup", kKindIndex<HostChange>, HostOp(EVENT_HOST_URING)},
    {"kill", kKindIndex<HostChange>, HostOp(EVENT_HOST_SIGNAL)},
    {"tkill", kKindIndex<HostChange>, HostOp(EVENT_HOST_SIGNAL)},
    {"tgkill", kKindIndex<HostChange>, HostOp(EVENT_HOST_SIGNAL)},
    {"ptrace", kKindIndex<HostChange>, HostOp(EVENT_HOST_PTRACE)},
    {"setuid", kKindIndex<HostChange>, HostOp(EVENT_HOST_SET_UID)},
    {"setresuid", kKindIndex<HostChange>, HostOp(EVENT_HOST_SET_UID)},
    {"capset", kKindIndex<HostChange>, HostOp(EVENT_HOST_SET_CAPS)},
    {"unshare", kKindIndex<HostChange>, HostOp(EVENT_HOST_USER_NAMESPACE)},
    {"socket", kKindIndex<HostChange>, HostOp(EVENT_HOST_SOCKET)},
    {"clock_settime", kKindIndex<HostChange>, HostOp(EVENT_HOST_CLOCK)},
    {"settimeofday", kKindIndex<HostChange>, HostOp(EVENT_HOST_CLOCK)},
    {"mount", kKindIndex<HostChange>, HostOp(EVENT_HOST_MOUNT)},
    {"move_mount", kKindIndex<HostChange>, HostOp(EVENT_HOST_MOUNT)},
};

EventTypes One(size_t kind, uint32_t operations) {
  EventTypes types;
  types.operations[kind] = operations;
  return types;
}

}  // namespace

void EventTypes::Add(const EventTypes& other) {
  for (size_t kind = 0; kind < operations.size(); ++kind) operations[kind] |= other.operations[kind];
}

KindSet EventTypes::Some() const {
  KindSet kinds = 0;
  for (size_t kind = 0; kind < operations.size(); ++kind) kinds |= KindSet{operations[kind] != 0} << kind;
  return kinds;
}

KindSet EventTypes::Whole() const {
  KindSet kinds = 0;
  for (size_t kind = 0; kind < operations.size(); ++kind) kinds |= KindSet{operations[kind] == kAny} << kind;
  return kinds;
}

std::optional<EventTypes> FindEventType(std::string_view name) {
  for (size_t kind = 1; kind < kEventKindCount; ++kind) {  // 0 is "none", which no event is
    if (name == EventKindName(kind)) return One(kind, kAny);
  }
  for (const CallName& call : kCalls) {
    if (name == call.name) return One(call.kind, call.operations);
  }
  if (IsCallName(name)) return EventTypes{};  // a call that our events do not show
  return std::nullopt;
}

std::vector<std::string_view> NearestEventTypes(std::string_view name) {
  std::vector<std::string_view> names;
  for (size_t kind = 1; kind < kEventKindCount; ++kind) names.emplace_back(EventKindName(kind));
  names.insert(names.end(), CallNames().begin(), CallNames().end());
  return NearestNames(name, names);
}

}  // namespace tensorwarden::rules
