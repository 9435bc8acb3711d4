/* Reads a file into memory that a child which never saw the file shares with it: anon, shm, memfd, sysv (shared since
 * before the read); late-shm, late-sysv (the child maps them after it); twin (one address space for both).
 *
 * The child is told by a signal and tells nothing: a pipe between the two would carry the label itself. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "trigger.h"

static char name[64];
static const char* kind;
static uint64_t shared_bytes;
static int memory_fd = -1, segment = -1;

static void* map_shared(int fd, int flags) {
  void* memory = mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);

  check(memory != MAP_FAILED, "mmap");
  return memory;
}

static void* make_shared(void) {
  void* memory;

  if (strcmp(kind, "anon") == 0) return map_shared(-1, MAP_ANONYMOUS);
  if (strcmp(kind, "twin") == 0) return malloc(shared_bytes);
  if (strstr(kind, "sysv")) {
    segment = shmget(IPC_PRIVATE, shared_bytes, IPC_CREAT | 0600);
    check(segment >= 0, "shmget");
    memory = shmat(segment, NULL, 0);
    if (strcmp(kind, "sysv") == 0) shmctl(segment, IPC_RMID, NULL);
    return memory;
  }
  memory_fd = strcmp(kind, "memfd") == 0 ? memfd_create("share", MFD_CLOEXEC)
                                         : open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  check(memory_fd >= 0 && ftruncate(memory_fd, (off_t)shared_bytes) == 0, "memory");
  return map_shared(memory_fd, 0);
}

static void map_late(int number) {
  (void)number;
  if (strcmp(kind, "late-shm") == 0) map_shared(open(name, O_RDWR | O_CLOEXEC), 0);
  if (strcmp(kind, "late-sysv") == 0) check(shmat(segment, NULL, 0) != (void*)-1, "shmat");
}

static int child(void* unused) {
  (void)unused;
  while (pause() != 0) {
  }
  return 0;
}

static pid_t start_child(void) {
  static char stack[65536] __attribute__((aligned(16)));
  pid_t pid;

  if (strcmp(kind, "twin") == 0) return clone(child, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
  pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return child(NULL);
}

int main(int argc, char** argv) {
  char text[32];
  char* memory;
  pid_t pid;
  int fd;

  need(argc, 4, "share_memory KIND PATH SHARED-BYTES");
  kind = argv[1];
  shared_bytes = strtoull(argv[3], NULL, 10);
  snprintf(name, sizeof(name), "/dev/shm/tensorwarden-live-%d", getpid());
  signal(SIGUSR1, map_late);
  memory = make_shared();
  if (strncmp(kind, "late", 4) == 0) madvise(memory, shared_bytes, MADV_DONTFORK); /* found later, not inherited */
  pid = start_child();
  check(pid > 0, "fork");
  snprintf(text, sizeof(text), "%d", pid);
  step(text);
  fd = open_file(argv[2], O_RDONLY);
  while (read(fd, memory, shared_bytes) > 0) {
  }
  step("read");
  kill(pid, SIGUSR1);
  step("told");
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  if (memory_fd >= 0) unlink(name);
  if (segment >= 0) shmctl(segment, IPC_RMID, NULL);
  return 0;
}
