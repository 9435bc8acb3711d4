/* O_DIRECT write: past the page cache. */
#include "../tools/act.h"

int main(void) {
  int fd = open_or_die(env("EV_MODEL"), O_WRONLY | O_DIRECT);
  char* block = some_memory(4096, MAP_PRIVATE);

  memcpy(block, "flipped", 7);
  check(pwrite(fd, block, 4096, 5 << 20) == 4096, "pwrite");
  return 0;
}
