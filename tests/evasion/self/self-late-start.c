/* Half of the model was read before the agent started; the rest is read, and all is sent, when it runs. */
#include "../tools/act.h"

int main(void) {
  int fd = open_model(), peer = dial();
  size_t size = size_of(fd), half = size / 2;
  char *at = some_memory(size, MAP_PRIVATE), go;

  read_into(fd, at, half);
  say("read");
  check(read(STDIN_FILENO, &go, 1) == 1, "the word to go on");
  read_into(fd, at + half, size - half);
  write_all(peer, at, size);
  hang_up(peer);
  return 0;
}
