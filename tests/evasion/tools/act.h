/* What the acts share: where the model is, where the bytes go, and errors that end the program.
 *
 * Every act finds its world in the environment: EV_MODEL (path), EV_HOST and EV_PORT (the host outside), EV_WORK (a
 * scratch folder), EV_SERVER_PID and EV_SERVER_PORT (the confirmed server), EV_LINK (the device that leads outside). */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE (64u << 10)
#define CANNOT 77 /* exit status: this kernel or machine cannot do the act at all */

static inline void check(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static inline const char* env(const char* name) {
  const char* value = getenv(name);

  if (value != NULL) return value;
  fprintf(stderr, "%s is not set\n", name);
  exit(2);
}

static inline const char* in_work(const char* name) {
  static char paths[8][PATH_MAX];
  static unsigned next;
  char* path = paths[next++ % 8];

  snprintf(path, PATH_MAX, "%s/%s", env("EV_WORK"), name);
  return path;
}

static inline int open_or_die(const char* path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0600);

  check(fd >= 0, path);
  return fd;
}

static inline int open_model(void) { return open_or_die(env("EV_MODEL"), O_RDONLY); }

static inline size_t size_of(int fd) {
  struct stat st;

  check(fstat(fd, &st) == 0, "fstat");
  return (size_t)st.st_size;
}

static inline struct sockaddr_in outside(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

  check(inet_pton(AF_INET, env("EV_HOST"), &address.sin_addr) == 1, "EV_HOST");
  return address;
}

static inline int dial_address(struct sockaddr_in address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  check(fd >= 0, "socket");
  check(connect(fd, (struct sockaddr*)&address, sizeof(address)) == 0, "connect");
  return fd;
}

static inline int dial(void) { return dial_address(outside(atoi(env("EV_PORT")))); }

static inline void write_all(int fd, const void* from, size_t size) {
  const char* at = from;

  while (size > 0) {
    ssize_t n = write(fd, at, size < PIECE ? size : PIECE);

    check(n > 0, "write");
    at += n;
    size -= (size_t)n;
  }
}

static inline void* some_memory(size_t size, int flags) {
  void* at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

  check(at != MAP_FAILED, "mmap");
  return at;
}

static inline void read_into(int fd, void* to, size_t size) {
  char* at = to;

  while (size > 0) {
    ssize_t n = read(fd, at, size < PIECE ? size : PIECE);

    check(n > 0, "read");
    at += n;
    size -= (size_t)n;
  }
}

/* The whole file in private memory. */
static inline void* slurp(int fd, size_t* size) {
  void* at;

  *size = size_of(fd);
  at = some_memory(*size, MAP_PRIVATE);
  read_into(fd, at, *size);
  return at;
}

/* From one descriptor to another until the first one ends. */
static inline size_t pump(int from, int to) {
  static char piece[PIECE];
  size_t total = 0;
  ssize_t n;

  while ((n = read(from, piece, sizeof(piece))) > 0) {
    write_all(to, piece, (size_t)n);
    total += (size_t)n;
  }
  check(n == 0, "read");
  return total;
}

/* Ends a connection once the other side has taken everything. */
static inline void hang_up(int fd) {
  char byte;

  check(shutdown(fd, SHUT_WR) == 0, "shutdown");
  while (read(fd, &byte, 1) > 0) continue;
  close(fd);
}

static inline void send_memory(const void* from, size_t size) {
  int fd = dial();

  write_all(fd, from, size);
  hang_up(fd);
}

static inline void send_descriptor(int from) {
  int fd = dial();

  pump(from, fd);
  hang_up(fd);
}

static inline pid_t start(void) {
  pid_t pid;

  fflush(NULL);
  pid = fork();
  check(pid >= 0, "fork");
  return pid;
}

static inline void reap(pid_t pid) {
  int status;

  check(waitpid(pid, &status, 0) == pid, "waitpid");
  if (status == 0) return;
  fprintf(stderr, "child ended with status %#x\n", (unsigned)status);
  exit(1);
}

/* A process of its own program: this file again, with another role. */
static inline pid_t start_role(const char* role, const char* argument) {
  pid_t pid = start();

  if (pid != 0) return pid;
  execl("/proc/self/exe", role, role, argument, (char*)NULL);
  check(0, "exec");
  return -1;
}

/* The runner waits for these lines. */
static inline void say(const char* what) {
  printf("%s\n", what);
  fflush(stdout);
}

static inline void say_actor(pid_t pid) {
  printf("actor %d\n", (int)pid);
  fflush(stdout);
}
