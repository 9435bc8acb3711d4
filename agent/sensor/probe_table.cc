#include "agent/sensor/probe_table.h"

namespace tensorwarden {
namespace {

using enum Tier;
using enum When;

// Where no tracepoint sees every family's sends and receives, each family needs a program of its own.
constexpr std::string_view kFexitSend = "socket_send_inet_fexit";
constexpr std::string_view kFexitReceive = "socket_recv_unix_fexit";

// Reads prefer the data path to the object tier where both exist: the tracepoint names exact page ranges, filemap_read
// only a position and a length. Changes of names elsewhere than on ext4 come from fanotify.
constexpr ProbeSpec kProbes[] = {
    {"process_fork", "process_fork", kDataPath, kAlways, true},
    {"process_exec", "process_exec", kDataPath, kAlways, true},
    {"process_exit", "process_exit", kDataPath, kAlways, true},
    {"file_read", "file_read", kDataPath, kAlways},
    {"file_read", "file_read_fexit", kObject, kAlways},
    {"memory", "memory_lock", kDataPath, kAlways, true},
    {"file_map_pages", "file_map_pages", kDataPath, kAlways},
    {"file_map_pages", "file_map_fentry", kObject, kAlways},
    {"file_fault", "file_fault", kDataPath, kAlways},
    {"file_fault", "file_fault_fentry", kObject, kAlways},
    {"file_direct", "file_direct", kDataPath, kAlways},
    {"file_direct", "file_direct_fentry", kObject, kAlways},
    {"file_dirty", "file_dirty", kDataPath, kAlways},
    {"file_attribute", "file_dirty_inode", kDataPath, kAlways},
    {"file_write", "file_write_ext4", kDataPath, kAlways},
    {"file_write_plain", "file_write_ext4_plain", kDataPath, kAlways},
    {"file_write_fuse", "fuse_send", kDataPath, kAlways},
    {"name_ext4", "name_change_ext4", kDataPath, kAlways},
    {"file_clone", "file_clone_fexit", kObject, kAlways},
    {"file_clone", "file_clone_xfs", kDataPath, kAlways},
    {"xattr_set", "xattr_set_lsm", kObject, kAlways},
    {"xattr_set", "xattr_change_ext4", kDataPath, kAlways},
    {"xattr_remove", "xattr_remove_lsm", kObject, kAlways, false, "xattr_set_lsm"},
    {"mount", "mount_lsm", kObject, kAlways},
    {"mount_move", "mount_move_lsm", kObject, kAlways},
    {"file_open", "file_open_lsm", kObject, kOpens},
    {"file_open", "file_open_syscall", kSyscall, kOpens},
    {"socket_send", "socket_send", kDataPath, kAlways},
    {"socket_send", "socket_send_inet_fexit", kObject, kAlways},
    {"socket_send_v6", "socket_send_inet6_fexit", kObject, kAlways, false, kFexitSend},
    {"socket_send_page", "socket_send_page_fexit", kObject, kAlways, false, kFexitSend},
    {"socket_send_unix", "socket_send_unix_fexit", kObject, kAlways, false, kFexitSend},
    {"socket_send_dgram", "socket_send_dgram_fexit", kObject, kAlways, false, kFexitSend},
    {"socket_recv", "socket_recv", kDataPath, kAlways},
    {"socket_recv", "socket_recv_unix_fexit", kObject, kAlways},
    {"socket_recv_v4", "socket_recv_inet_fexit", kObject, kAlways, false, kFexitReceive},
    {"socket_recv_v6", "socket_recv_inet6_fexit", kObject, kAlways, false, kFexitReceive},
    {"socket_recv_dgram", "socket_recv_dgram_fexit", kObject, kAlways, false, kFexitReceive},
    {"socket_state", "socket_state", kDataPath, kAlways, true},
    {"socket_connect4", "connect4", kDataPath, kAlways, true},
    {"socket_connect6", "connect6", kDataPath, kAlways, true},
    {"socket_bind4", "post_bind4", kDataPath, kAlways, true},
    {"socket_bind6", "post_bind6", kDataPath, kAlways, true},
    {"http_request", "http_ingress", kDataPath, kServing, true},
    {"device_open", "device_open", kDataPath, kAlways, true},
    {"module_load", "module_load", kDataPath, kAlways, true},
    {"uring_create", "uring_create", kDataPath, kAlways, true},
    {"agent_signal", "agent_signal", kDataPath, kAlways, true},
    {"bpf_load", "bpf_load_lsm", kObject, kAlways},
    {"ptrace", "ptrace_lsm", kObject, kAlways},
    {"set_uid", "set_uid_lsm", kObject, kAlways},
    {"set_caps", "set_caps_lsm", kObject, kAlways},
    {"user_namespace", "userns_lsm", kObject, kAlways},
    {"socket_create", "socket_create_lsm", kObject, kAlways},
    {"socket_create", "socket_create", kDataPath, kAlways},
    {"clock", "clock_lsm", kObject, kAlways},
    {"ring_submit", "ring_submit", kDataPath, kAlways, true},
    {"ring_submit", "ring_submit_sqe", kDataPath, kAlways, true},
    {"ring_register", "ring_register", kDataPath, kAlways, true},
    {"uring_complete", "uring_complete", kDataPath, kEscalated},
    {"uring_submit", "uring_submit", kDataPath, kEscalated},
    {"compat_wait", "compat_wait", kDataPath, kEscalated, true},
    {"compat_tick", "compat_tick", kDataPath, kEscalated, true},
    {"syscalls", "syscall_exit", kSyscall, kFirstStage},
    {"listed_syscalls", "syscall_exit_listed", kSyscall, kSecondStage},
    // Where unconnected datagrams go: 200 ns on each, so only while somebody may carry something.
    {"socket_sendmsg4", "sendmsg4", kDataPath, kEscalated, true},
    {"socket_sendmsg6", "sendmsg6", kDataPath, kEscalated, true},
    {"dns_query", "dns_query", kDataPath, kDns, true, {}, "variables"},
    {"dns_query", "dns_query_plain", kDataPath, kDns, true},
    {"gpu_begin", "gpu_begin_fentry", kObject, kGpu},
    {"gpu_begin", "gpu_begin_syscall", kSyscall, kGpu},
    {"gpu_call", "gpu_call_fexit", kObject, kGpu, false, "gpu_begin_fentry"},
    {"gpu_call", "gpu_call_syscall", kSyscall, kGpu, false, "gpu_begin_syscall"},
    {"gpu_begin_compat", "gpu_begin_compat_fentry", kObject, kGpu, false, "gpu_call_fexit"},
    {"gpu_call_compat", "gpu_call_compat_fexit", kObject, kGpu, false, "gpu_begin_compat_fentry"},
    {"query_file", "query_fd", kDataPath, kOnRequest, true},
    {"set_process", "set_process", kDataPath, kOnRequest, true},
    {"set_object", "set_object", kDataPath, kOnRequest, true},
    {"list_tasks", "iter_tasks", kDataPath, kOnRequest, true},
    {"list_files", "iter_files", kDataPath, kOnRequest, true},
    {"list_maps", "iter_maps", kDataPath, kOnRequest, true},
    {"list_shares", "iter_shares", kDataPath, kOnRequest, true},
    {"list_twins", "iter_twins", kDataPath, kOnRequest, true},
    {"list_rings", "iter_rings", kDataPath, kOnRequest, true},
};

// Those with a role in bpf/probes/syscall.bpf.c.
constexpr std::string_view kListedCalls[] = {
    "sys_exit_read",     "sys_exit_readv",    "sys_exit_pread64",         "sys_exit_preadv",     "sys_exit_preadv2",
    "sys_exit_recvfrom", "sys_exit_recvmsg",  "sys_exit_write",           "sys_exit_writev",     "sys_exit_pwrite64",
    "sys_exit_pwritev",  "sys_exit_pwritev2", "sys_exit_sendto",          "sys_exit_sendmsg",    "sys_exit_vmsplice",
    "sys_exit_splice",   "sys_exit_tee",      "sys_exit_copy_file_range", "sys_exit_sendfile64", "sys_exit_open",
    "sys_exit_openat",   "sys_exit_openat2",
};

}  // namespace

std::span<const std::string_view> ListedCalls() { return kListedCalls; }

const char* TierName(Tier tier) {
  switch (tier) {
    case kObject:
      return "object";
    case kDataPath:
      return "data path";
    case kSyscall:
      return "system call";
  }
  return "";
}

std::span<const ProbeSpec> ProbeTable() { return kProbes; }

}  // namespace tensorwarden
