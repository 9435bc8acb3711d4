/* Reads a whole file in one of many ways: read, pread, readv, preadv2, sendfile, sendfile-at, splice-at, copy, uring,
 * compat (calls of 32-bit programs). */
#define _GNU_SOURCE
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "compat.h"
#include "ring.h"

static char block[TRIGGER_BLOCK];
static int ends[2];
static int out = -1;

static ssize_t drain(ssize_t n) {
  for (ssize_t left = n; left > 0;) left -= read(ends[0], block, (size_t)left);
  return n;
}

static ssize_t read_some(const char* way, int fd, uint64_t at, struct ring* ring) {
  struct iovec vector = {block, sizeof(block)};
  off_t offset = (off_t)at;

  if (strcmp(way, "read") == 0) return read(fd, block, sizeof(block));
  if (strcmp(way, "pread") == 0) return pread(fd, block, sizeof(block), offset);
  if (strcmp(way, "readv") == 0) return readv(fd, &vector, 1);
  if (strcmp(way, "preadv2") == 0) return preadv2(fd, &vector, 1, -1, 0);
  if (strcmp(way, "sendfile") == 0) return sendfile(out, fd, NULL, sizeof(block));
  if (strcmp(way, "sendfile-at") == 0) return sendfile(out, fd, &offset, sizeof(block));
  if (strcmp(way, "splice-at") == 0) return drain(splice(fd, &offset, ends[1], NULL, sizeof(block), 0));
  if (strcmp(way, "copy") == 0) return copy_file_range(fd, &offset, out, NULL, sizeof(block), 0);
  if (strcmp(way, "uring") == 0) return ring_do(ring, IORING_OP_READ, fd, block, sizeof(block), at);
  return compat_read(fd, sizeof(block));
}

int main(int argc, char** argv) {
  struct ring ring = {0};
  uint64_t done = 0;
  ssize_t n;
  int fd;

  need(argc, 3, "read_shm WAY PATH");
  fd = open_file(argv[2], O_RDONLY);
  check(pipe(ends) == 0, "pipe");
  if (strcmp(argv[1], "uring") == 0) ring = ring_make();
  out = strcmp(argv[1], "copy") == 0 ? open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                                     : open_file("/dev/null", O_WRONLY);
  while ((n = read_some(argv[1], fd, done, &ring)) > 0) done += (uint64_t)n;
  check(n == 0, argv[1]);
  step("read");
  return 0;
}
