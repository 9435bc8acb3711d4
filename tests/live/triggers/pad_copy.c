/* Reads the head of a file, writes as many other bytes as the file has into a new one, and then copies the file. */
#include "trigger.h"

int main(int argc, char** argv) {
  static char block[TRIGGER_BLOCK];
  int from, to;
  ssize_t n;

  need(argc, 4, "pad_copy PATH NEW BYTES");
  from = open_file(argv[1], O_RDONLY);
  to = open_file(argv[2], O_WRONLY | O_CREAT);
  n = pread(from, block, 4096, 0);
  check(n > 0, "pread");
  write_blocks(to, strtoull(argv[3], NULL, 10));
  while ((n = read(from, block, sizeof(block))) > 0) check(write(to, block, (size_t)n) == n, "write");
  check(n == 0, "read");
  return 0;
}
