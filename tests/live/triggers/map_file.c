/* Maps a whole file and touches each page. */
#include <sys/mman.h>
#include <sys/stat.h>

#include "trigger.h"

int main(int argc, char** argv) {
  volatile char sum = 0;
  struct stat st;
  char* map;
  int fd;

  need(argc, 2, "map_file PATH");
  fd = open_file(argv[1], O_RDONLY);
  check(fstat(fd, &st) == 0, "fstat");
  map = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
  check(map != MAP_FAILED, "mmap");
  for (off_t at = 0; at < st.st_size; at += 4096) sum += map[at];
  step("mapped");
  return 0;
}
