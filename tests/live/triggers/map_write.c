/* Stores one byte through a shared mapping. */
#include <sys/mman.h>

#include "trigger.h"

int main(int argc, char** argv) {
  char* map;
  int fd;

  need(argc, 2, "map_write PATH");
  fd = open_file(argv[1], O_RDWR);
  map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(map != MAP_FAILED, "mmap");
  map[7] ^= 1;
  check(msync(map, 4096, MS_SYNC) == 0, "msync");
  step("stored");
  return 0;
}
