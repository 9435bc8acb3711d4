#include "agent/helpers/scap/translate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sinsp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "bpf/abi/event.h"

namespace tensorwarden::scap {
namespace {

constexpr size_t kMaxThreads = 1 << 16;  // that are in the middle of an open
constexpr size_t kMaxProcesses = 1 << 20;

int64_t Number(sinsp_evt& event, const char* name, int64_t otherwise) {
  const sinsp_evt_param* param = event.get_param_value_raw(name);
  int64_t value = otherwise;
  if (param != nullptr && param->m_len == sizeof(value)) std::memcpy(&value, param->m_val, sizeof(value));
  int32_t small = 0;
  if (param != nullptr && param->m_len == sizeof(small)) {
    std::memcpy(&small, param->m_val, sizeof(small));
    value = small;
  }
  return value;
}

// As a full path where the capture says enough for one.
std::string Path(sinsp_evt& event, const char* name) {
  const char* resolved = nullptr;
  const char* plain = event.get_param_value_str(name, &resolved);
  if (resolved != nullptr && resolved[0] != '\0') return resolved;
  return plain == nullptr ? "" : plain;
}

uint32_t OpenFlags(int64_t theirs) {
  uint32_t flags = O_RDONLY;
  if ((theirs & PPM_O_RDWR) == PPM_O_RDWR) {
    flags = O_RDWR;
  } else if ((theirs & PPM_O_WRONLY) != 0) {
    flags = O_WRONLY;
  }
  constexpr std::pair<int64_t, uint32_t> kOthers[] = {{PPM_O_CREAT, O_CREAT},         {PPM_O_APPEND, O_APPEND},
                                                      {PPM_O_EXCL, O_EXCL},           {PPM_O_TRUNC, O_TRUNC},
                                                      {PPM_O_DIRECTORY, O_DIRECTORY}, {PPM_O_CLOEXEC, O_CLOEXEC}};
  for (const auto& [bit, flag] : kOthers)
    if ((theirs & bit) != 0) flags |= flag;
  return flags;
}

std::string Address(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes, text, sizeof(text));
  return text;
}

template <typename Fields>
SocketTuple Tuple(int family, const Fields& fields, bool accepted) {
  SocketTuple tuple;
  const std::string client = Address(family, &fields.m_sip), server = Address(family, &fields.m_dip);
  tuple.local_address = accepted ? server : client;
  tuple.peer_address = accepted ? client : server;
  tuple.local_port = accepted ? fields.m_dport : fields.m_sport;
  tuple.peer_port = accepted ? fields.m_sport : fields.m_dport;
  tuple.family = static_cast<uint8_t>(family);
  tuple.protocol = fields.m_l4proto == SCAP_L4_UDP ? IPPROTO_UDP : IPPROTO_TCP;
  tuple.direction = accepted ? EVENT_DIRECTION_IN : EVENT_DIRECTION_OUT;
  return tuple;
}

// False for other sockets than those of IP.
bool SocketOf(const sinsp_fdinfo_t& fd, bool accepted, SocketTuple& tuple) {
  const auto& info = fd.m_sockinfo;
  switch (fd.m_type) {
    case SCAP_FD_IPV4_SOCK:
      tuple = Tuple(AF_INET, info.m_ipv4info.m_fields, accepted);
      return true;
    case SCAP_FD_IPV6_SOCK:
      tuple = Tuple(AF_INET6, info.m_ipv6info.m_fields, accepted);
      return true;
    case SCAP_FD_IPV4_SERVSOCK:
      tuple = {.local_address = Address(AF_INET, &info.m_ipv4serverinfo.m_ip), .family = AF_INET};
      tuple.local_port = info.m_ipv4serverinfo.m_port;
      tuple.protocol = IPPROTO_TCP;
      return true;
    case SCAP_FD_IPV6_SERVSOCK:
      tuple = {.local_address = Address(AF_INET6, &info.m_ipv6serverinfo.m_ip), .family = AF_INET6};
      tuple.local_port = info.m_ipv6serverinfo.m_port;
      tuple.protocol = IPPROTO_TCP;
      return true;
    default:
      return false;
  }
}

uint32_t SocketOp(std::string_view call) {
  if (call == "connect") return EVENT_SOCK_CONNECT;
  if (call == "accept" || call == "accept4") return EVENT_SOCK_ACCEPT;
  if (call == "listen") return EVENT_SOCK_LISTEN;
  return call == "bind" ? EVENT_SOCK_BIND : 0;
}

uint32_t NameOp(std::string_view call) {
  if (call.starts_with("rename")) return EVENT_NAME_RENAME;
  if (call == "link" || call == "linkat") return EVENT_NAME_LINK;
  return call == "unlink" || call == "unlinkat" ? EVENT_NAME_UNLINK : 0;
}

bool IsOpen(std::string_view call) {
  return call == "open" || call == "openat" || call == "openat2" || call == "creat" || call == "open_by_handle_at";
}

bool IsFork(std::string_view call) { return call == "clone" || call == "clone3" || call == "fork" || call == "vfork"; }

}  // namespace

void Translator::Emit(Origin origin, EventBody body) {
  take_({.seq = ++seq_, .origin = origin, .body = std::move(body)});
}

ProcessKey Translator::KeyOf(int64_t pid, uint64_t seen_ns) {
  if (starts_.size() >= kMaxProcesses) starts_.clear();
  return {static_cast<uint32_t>(pid), starts_.try_emplace(pid, seen_ns).first->second};
}

Origin Translator::OriginOf(sinsp_evt& event, sinsp_threadinfo& thread) {
  Origin origin;
  origin.ktime_ns = event.get_ts();
  origin.process = KeyOf(thread.m_pid, event.get_ts());
  origin.tid = static_cast<uint32_t>(thread.m_tid);
  return origin;
}

ProcessExec Translator::Exec(sinsp_threadinfo& thread, uint64_t seen_ns) {
  ProcessExec exec;
  if (thread.m_ptid > 0) exec.parent = KeyOf(thread.m_ptid, seen_ns);
  exec.uid = thread.m_uid;
  exec.gid = thread.m_gid;
  exec.comm = thread.m_comm;
  exec.path = thread.m_exepath.empty() ? thread.m_exe : thread.m_exepath;
  exec.cwd = thread.get_cwd();
  exec.args = {thread.m_exe};
  exec.args.insert(exec.args.end(), thread.m_args.begin(), thread.m_args.end());
  // The longest: in some hierarchies the process is in the root.
  for (const auto& [controller, path] : thread.m_cgroups)
    if (path.size() > exec.cgroup.size()) exec.cgroup = path;
  return exec;
}

void Translator::Begin(sinsp& inspector, uint64_t first_ns) {
  const scap_machine_info* machine = inspector.get_machine_info();
  AgentStart start{.version = "scap"};
  // Times of a capture are those of the wall already.
  if (machine != nullptr)
    start.hostname.assign(machine->hostname, strnlen(machine->hostname, sizeof(machine->hostname)));
  start.boot_id = start.hostname;
  Origin origin;
  origin.ktime_ns = first_ns;
  Emit(origin, start);
  inspector.m_thread_manager->get_threads()->loop([&](sinsp_threadinfo& thread) {
    if (!thread.is_main_thread()) return true;
    origin.process = KeyOf(thread.m_pid, first_ns);
    Emit(origin, ProcessSnapshot{.exec = Exec(thread, first_ns)});
    return true;
  });
}

// A beginning has no arguments in older captures, so it waits for what its end says of the flags.
void Translator::Opened(sinsp_evt& event, const Origin& origin, bool ended) {
  if (!ended) {
    if (open_begun_.size() < kMaxThreads) open_begun_[origin.tid] = origin;
    return;
  }
  FileOpen open;
  open.open_flags = OpenFlags(Number(event, "flags", 0));
  if (const auto begun = open_begun_.find(origin.tid); begun != open_begun_.end()) {
    begun->second.flags |= EVENT_F_ENTER;
    Emit(begun->second, open);
    open_begun_.erase(begun);
  }
  const sinsp_fdinfo_t* fd = event.get_fd_info();
  if (Number(event, "fd", -1) < 0 || fd == nullptr) return;
  open.created = (open.open_flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
  open.mode = fd->m_type == SCAP_FD_DIRECTORY ? S_IFDIR : S_IFREG;
  open.path = fd->m_name;
  Emit(origin, open);
}

void Translator::End() {
  for (auto& [tid, origin] : open_begun_) {
    origin.flags |= EVENT_F_ENTER;
    Emit(origin, FileOpen{});
  }
  open_begun_.clear();
}

// Told by the child's own return, with the parent as the actor.
void Translator::Forked(sinsp_evt& event, sinsp_threadinfo& thread, const Origin& origin) {
  if (Number(event, "res", -1) != 0 || !thread.is_main_thread() || thread.m_ptid <= 0) return;
  starts_[thread.m_pid] = event.get_ts();
  Origin parent = origin;
  parent.process = KeyOf(thread.m_ptid, event.get_ts());
  parent.tid = parent.process.tgid;
  Emit(parent, ProcessFork{.child = KeyOf(thread.m_pid, event.get_ts())});
}

void Translator::Exited(sinsp_evt& event, sinsp_threadinfo& thread, const Origin& origin) {
  open_begun_.erase(origin.tid);
  if (!thread.is_main_thread()) return;
  Emit(origin, ProcessExit{.exit_code = static_cast<int32_t>(Number(event, "status", 0))});
  starts_.erase(thread.m_pid);
}

void Translator::Translate(sinsp_evt& event) {
  sinsp_threadinfo* thread = event.get_thread_info();
  if (thread == nullptr) return;
  const std::string_view call = event.get_name();
  const bool ended = event.get_direction() == SCAP_ED_OUT;
  const Origin origin = OriginOf(event, *thread);
  if (IsOpen(call)) return Opened(event, origin, ended);
  if (call == "procexit") return Exited(event, *thread, origin);
  if (!ended) return;
  if (IsFork(call)) return Forked(event, *thread, origin);
  if (call == "execve" || call == "execveat") {
    if (Number(event, "res", -1) == 0) Emit(origin, Exec(*thread, event.get_ts()));
    return;
  }
  if (const uint32_t op = NameOp(call); op != 0) {
    if (Number(event, "res", -1) != 0) return;
    const bool one = op == EVENT_NAME_UNLINK;
    Emit(origin, FileName{.op = op,
                          .path = Path(event, one ? (call == "unlink" ? "path" : "name") : "newpath"),
                          .old_path = one ? "" : Path(event, "oldpath")});
    return;
  }
  const uint32_t op = SocketOp(call);
  const int64_t result = Number(event, op == EVENT_SOCK_ACCEPT ? "fd" : "res", 0);
  const sinsp_fdinfo_t* fd = op == 0 ? nullptr : event.get_fd_info();
  SocketState socket{.op = op};
  if (fd != nullptr && (result >= 0 || result == -EINPROGRESS) && SocketOf(*fd, op == EVENT_SOCK_ACCEPT, socket.socket))
    Emit(origin, socket);
}

}  // namespace tensorwarden::scap
