/* Overwrites bytes in place. */
#include "trigger.h"

int main(int argc, char** argv) {
  int fd;

  need(argc, 3, "write_file PATH OFFSET");
  fd = open_file(argv[1], O_WRONLY);
  check(pwrite(fd, "flip", 4, strtol(argv[2], NULL, 10)) == 4, "pwrite");
  step("written");
  return 0;
}
