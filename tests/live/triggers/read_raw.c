/* Reads a block device from its start: cached or direct (O_DIRECT). */
#define _GNU_SOURCE
#include <string.h>

#include "trigger.h"

int main(int argc, char** argv) {
  uint64_t bytes;
  char* block;
  int fd;

  need(argc, 4, "read_raw cached|direct DEVICE BYTES");
  bytes = strtoull(argv[3], NULL, 10);
  block = aligned_alloc(4096, TRIGGER_BLOCK);
  fd = open_file(argv[2], O_RDONLY | (strcmp(argv[1], "direct") == 0 ? O_DIRECT : 0));
  step("opened"); /* the test waits here for escalation */
  for (uint64_t done = 0; done < bytes;) {
    uint64_t left = bytes - done;
    ssize_t n = read(fd, block, left < TRIGGER_BLOCK ? left : TRIGGER_BLOCK);

    check(n > 0, "read");
    done += (uint64_t)n;
  }
  step("read");
  return 0;
}
