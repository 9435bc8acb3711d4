/* Reads a file and hands bytes to a child that never saw it: through a terminal (printed, typed), or through a pipe by
 * io_uring or by calls of 32-bit programs (uring, compat). Between the first of them and the others the test has time.
 */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <termios.h>

#include "compat.h"
#include "ring.h"

static char block[4096];

static void open_terminal(int ends[2]) {
  struct termios raw;
  char name[64];

  ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  check(ends[0] >= 0 && grantpt(ends[0]) == 0 && unlockpt(ends[0]) == 0, "ptmx");
  check(ptsname_r(ends[0], name, sizeof(name)) == 0, "ptsname");
  ends[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  check(ends[1] >= 0 && tcgetattr(ends[1], &raw) == 0, name);
  cfmakeraw(&raw);
  check(tcsetattr(ends[1], TCSANOW, &raw) == 0, "tcsetattr");
}

static void take(const char* how, int fd, uint64_t bytes, struct ring* ring) {
  while (bytes > 0) {
    long n = strcmp(how, "uring") == 0    ? ring_do(ring, IORING_OP_READ, fd, block, sizeof(block), 0)
             : strcmp(how, "compat") == 0 ? compat_read(fd, sizeof(block))
                                          : read(fd, block, sizeof(block));

    check(n > 0, "read");
    bytes -= (uint64_t)n < bytes ? (uint64_t)n : bytes;
  }
}

static void give(const char* how, int fd, uint64_t bytes, struct ring* ring) {
  while (bytes > 0) {
    size_t want = bytes < sizeof(block) ? bytes : sizeof(block);
    long n = strcmp(how, "uring") == 0    ? ring_do(ring, IORING_OP_WRITE, fd, block, (unsigned)want, 0)
             : strcmp(how, "compat") == 0 ? compat_write(fd, want)
                                          : write(fd, block, want);

    check(n > 0, "write");
    bytes -= (uint64_t)n;
  }
}

int main(int argc, char** argv) {
  struct ring ring = {0};
  uint64_t bytes;
  int ends[2], from, to;

  need(argc, 4, "stream_relay printed|typed|uring|compat PATH BYTES");
  bytes = strtoull(argv[3], NULL, 10);
  if (strcmp(argv[1], "uring") == 0 || strcmp(argv[1], "compat") == 0)
    check(pipe(ends) == 0, "pipe");
  else
    open_terminal(ends);
  from = strcmp(argv[1], "typed") == 0 ? ends[1] : ends[0];
  to = strcmp(argv[1], "typed") == 0 ? ends[0] : ends[1];
  if (fork() == 0) {
    if (strcmp(argv[1], "uring") == 0) ring = ring_make();
    take(argv[1], from, bytes, &ring);
    return 0;
  }
  if (strcmp(argv[1], "uring") == 0) ring = ring_make();
  read_blocks(open_file(argv[2], O_RDONLY), bytes);
  step("read"); /* the test waits here for escalation */
  give(argv[1], to, sizeof(block), &ring);
  if (strcmp(argv[1], "compat") == 0) step("began");
  give(argv[1], to, bytes - sizeof(block), &ring);
  wait(NULL);
  step("relayed");
  return 0;
}
