/* O_DIRECT: past the page cache. */
#include "../tools/act.h"

int main(void) {
  int fd = open_or_die(env("EV_MODEL"), O_RDONLY | O_DIRECT), peer = dial();
  void* block = some_memory(1 << 20, MAP_PRIVATE);
  ssize_t n;

  while ((n = read(fd, block, 1 << 20)) > 0) write_all(peer, block, (size_t)n);
  check(n == 0, "read");
  hang_up(peer);
  return 0;
}
