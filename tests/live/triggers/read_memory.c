/* Reads the memory of another process: vm (process_vm_readv), mem (/proc/PID/mem), peek (ptrace), or, as ps does, its
 * arguments and environment only (args). Or puts back there what it reads, by both calls, page by page (store). */
#define _GNU_SOURCE
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "trigger.h"

static int open_proc(const char* pid, const char* name) {
  char path[64];

  snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
  return open_file(path, O_RDONLY);
}

static void read_vm(pid_t pid, char* at, char* data, size_t bytes) {
  struct iovec local = {data, bytes}, remote = {at, bytes};

  check(process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)bytes, "process_vm_readv");
}

static void read_mem(const char* pid, char* at, char* data, size_t bytes) {
  int fd = open_proc(pid, "mem");

  for (size_t done = 0; done < bytes;) {
    ssize_t n = pread(fd, data + done, bytes - done, (off_t)(at + done));

    check(n > 0, "pread");
    done += (size_t)n;
  }
}

static void store(pid_t pid, const char* name, char* at, char* data, size_t bytes) {
  char path[64];
  int fd;

  snprintf(path, sizeof(path), "/proc/%s/mem", name);
  fd = open_file(path, O_RDWR);
  for (size_t done = 0; done + 4096 <= bytes; done += 4096) {
    struct iovec local = {data, 4096}, remote = {at + done, 4096};

    check(pread(fd, data, 4096, (off_t)(at + done)) == 4096, "pread");
    check(pwrite(fd, data, 4096, (off_t)(at + done)) == 4096, "pwrite");
    check(process_vm_writev(pid, &local, 1, &remote, 1, 0) == 4096, "process_vm_writev");
  }
}

static void read_words(pid_t pid, char* at, size_t bytes) {
  check(ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0, "attach");
  waitpid(pid, NULL, 0);
  for (size_t done = 0; done < bytes; done += sizeof(long)) ptrace(PTRACE_PEEKDATA, pid, at + done, NULL);
  ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void read_args(const char* pid, char* data, size_t bytes) {
  static const char* const kNames[] = {"cmdline", "environ", "maps", "stat", "auxv"};

  for (int round = 0; round < 100; round++)
    for (size_t i = 0; i < sizeof(kNames) / sizeof(*kNames); i++) {
      int fd = open_proc(pid, kNames[i]);

      while (read(fd, data, bytes) > 0) {
      }
      close(fd);
    }
}

int main(int argc, char** argv) {
  size_t bytes;
  char *data, *at;
  pid_t pid;

  need(argc, 5, "read_memory vm|mem|peek|args|store PID ADDRESS BYTES");
  pid = atoi(argv[2]);
  at = (char*)strtoull(argv[3], NULL, 0);
  bytes = strtoull(argv[4], NULL, 10);
  data = malloc(bytes);
  if (strcmp(argv[1], "vm") == 0) read_vm(pid, at, data, bytes);
  if (strcmp(argv[1], "mem") == 0) read_mem(argv[2], at, data, bytes);
  if (strcmp(argv[1], "peek") == 0) read_words(pid, at, bytes);
  if (strcmp(argv[1], "store") == 0) store(pid, argv[2], at, data, bytes);
  if (strcmp(argv[1], "args") == 0) read_args(argv[2], data, bytes);
  step("taken");
  return 0;
}
