#define _GNU_SOURCE
/* One deed that changes the host or reaches for power: change_host DEED [PID]. */
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "trigger.h"

static void make_ring(void) {
  struct io_uring_params params = {.flags = IORING_SETUP_CLAMP};

  check((int)syscall(SYS_io_uring_setup, 8, &params) >= 0, "io_uring_setup");
}

static void load_program(void) {
  struct bpf_insn nothing[2] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
                                {.code = BPF_JMP | BPF_EXIT}};
  union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                         .insn_cnt = 2,
                         .insns = (uint64_t)nothing,
                         .license = (uint64_t) "GPL",
                         .prog_name = "thief"};

  check((int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) >= 0, "bpf");
}

/* Drops the capabilities, then takes one back. */
static void gain_capability(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct some[2] = {{.permitted = 1u << CAP_NET_RAW}}, more[2];

  check((int)syscall(SYS_capset, &header, some) == 0, "capset");
  memcpy(more, some, sizeof(more));
  more[0].effective = 1u << CAP_NET_RAW;
  check((int)syscall(SYS_capset, &header, more) == 0, "capset");
}

static void trace(pid_t pid) {
  check(ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0, "ptrace");
  check(waitpid(pid, NULL, 0) == pid, "waitpid");
  check(ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0, "detach");
}

static void set_clock(void) {
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  check(clock_settime(CLOCK_REALTIME, &now) == 0, "clock_settime");
}

int main(int argc, char** argv) {
  const char* deed = argc > 1 ? argv[1] : "";
  pid_t pid = argc > 2 ? (pid_t)strtol(argv[2], NULL, 10) : 0;

  if (strcmp(deed, "ring") == 0) make_ring();
  if (strcmp(deed, "raw") == 0) check(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0, "socket");
  if (strcmp(deed, "packet") == 0) check(socket(AF_PACKET, SOCK_RAW, 0) >= 0, "socket");
  if (strcmp(deed, "signal") == 0) check(kill(pid, SIGCONT) == 0, "kill");
  if (strcmp(deed, "bpf") == 0) load_program();
  if (strcmp(deed, "uid") == 0) check(setresuid(12, 12, 0) == 0, "setresuid");
  if (strcmp(deed, "capability") == 0) gain_capability();
  if (strcmp(deed, "namespace") == 0) check(unshare(CLONE_NEWUSER) == 0, "unshare");
  if (strcmp(deed, "trace") == 0) trace(pid);
  if (strcmp(deed, "clock") == 0) set_clock();
  step("done");
  return 0;
}
