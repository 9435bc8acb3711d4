/* Reads a range of a file with pread(2). */
#include "trigger.h"

int main(int argc, char** argv) {
  char* block;
  int fd;

  need(argc, 4, "read_file PATH OFFSET LENGTH");
  fd = open_file(argv[1], O_RDONLY);
  block = malloc(strtoul(argv[3], NULL, 10));
  check(pread(fd, block, strtoul(argv[3], NULL, 10), strtol(argv[2], NULL, 10)) >= 0, "pread");
  step("read");
  return 0;
}
