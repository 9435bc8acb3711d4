/* Copies a file with read(2) and write(2). */
#include "trigger.h"

int main(int argc, char** argv) {
  static char block[TRIGGER_BLOCK];
  int from, to;
  ssize_t n;

  need(argc, 3, "copy_file FROM TO");
  from = open_file(argv[1], O_RDONLY);
  to = open_file(argv[2], O_WRONLY | O_CREAT | O_TRUNC);
  while ((n = read(from, block, sizeof(block))) > 0) check(write(to, block, (size_t)n) == n, "write");
  check(n == 0, "read");
  step("copied");
  return 0;
}
