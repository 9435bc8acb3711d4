#include "agent/helpers/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

namespace tensorwarden::helpers {
namespace {

constexpr uid_t kNobody = 65534;
constexpr rlim_t kMaxFiles = 128;

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

// What libelf, the allocator and the framed pipe use. openat is looked at closer: it may only read.
constexpr int kAllowed[] = {
    SYS_read,         SYS_write,     SYS_close,     SYS_fstat,         SYS_newfstatat,
    SYS_lseek,        SYS_pread64,   SYS_mmap,      SYS_munmap,        SYS_mremap,
    SYS_brk,          SYS_madvise,   SYS_recvmsg,   SYS_sendmsg,       SYS_ppoll,
    SYS_exit,         SYS_futex,     SYS_fcntl,     SYS_exit_group,    SYS_rt_sigreturn,
    SYS_memfd_create, SYS_setitimer, SYS_getrandom, SYS_clock_gettime, SYS_restart_syscall,
#ifdef SYS_poll
    SYS_poll,
#endif
};

constexpr sock_filter Statement(uint16_t code, uint32_t k) { return {code, 0, 0, k}; }

std::vector<sock_filter> Program(std::span<const int> more_calls) {
  constexpr uint32_t kForbidden = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  const auto load = [](size_t offset) { return Statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); };
  const sock_filter kill = Statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  const sock_filter allow = Statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  std::vector<sock_filter> program = {load(offsetof(seccomp_data, arch)),
                                      {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kArchitecture},
                                      kill,
                                      load(offsetof(seccomp_data, nr))};
  const auto admit = [&](int call) {
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<uint32_t>(call)});
    program.push_back(allow);
  };
  std::for_each(std::begin(kAllowed), std::end(kAllowed), admit);
  std::for_each(more_calls.begin(), more_calls.end(), admit);
  program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_openat});
  program.push_back(kill);
  program.push_back(load(offsetof(seccomp_data, args[2])));
  program.push_back({BPF_JMP | BPF_JSET | BPF_K, 0, 1, kForbidden});
  program.push_back(kill);
  program.push_back(allow);
  return program;
}

bool Filter(std::span<const int> more_calls) {
  std::vector<sock_filter> program = Program(more_calls);
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

void Limit(int resource, rlim_t value) {
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

bool DropCapabilities() {
  __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[2] = {};
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return syscall(SYS_capset, &head, none) == 0;
}

// Not allowed where the agent runs without CAP_SETUID: then the rest must do.
void BecomeNobody() {
  if (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0) return;
  [[maybe_unused]] const int ignored = setresuid(kNobody, kNobody, kNobody);
}

}  // namespace

bool EnterSandbox(const Sandbox& sandbox) {
  close_range(static_cast<unsigned int>(sandbox.last_fd) + 1, ~0U, 0);
  Limit(RLIMIT_AS, sandbox.max_memory);
  Limit(RLIMIT_FSIZE, sandbox.max_file_bytes);
  Limit(RLIMIT_NOFILE, kMaxFiles);
  Limit(RLIMIT_CORE, 0);
  BecomeNobody();
  if (!DropCapabilities() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // of the thread that started it
  prctl(PR_SET_DUMPABLE, 1);         // a change of user took away its own /proc/self/fd
  return Filter(sandbox.more_calls);
}

void SetClock(unsigned int seconds) {
  const itimerval time{.it_interval = {}, .it_value = {.tv_sec = static_cast<time_t>(seconds), .tv_usec = 0}};
  setitimer(ITIMER_REAL, &time, nullptr);
}

}  // namespace tensorwarden::helpers
