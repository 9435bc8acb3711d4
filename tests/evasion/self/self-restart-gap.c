/* Reads all; the agent is killed and started again; sends all. */
#include "../tools/act.h"

int main(void) {
  int fd = open_model();
  size_t size;
  char *at = slurp(fd, &size), go;

  close(fd);
  say("read");
  check(read(STDIN_FILENO, &go, 1) == 1, "the word to go on");
  send_memory(at, size);
  return 0;
}
