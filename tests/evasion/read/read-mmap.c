/* Mapped, and sent from the mapping: no read call. */
#include "../tools/act.h"

int main(void) {
  int fd = open_model();
  size_t size = size_of(fd);
  char* at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

  check(at != MAP_FAILED, "mmap");
  send_memory(at, size);
  return 0;
}
