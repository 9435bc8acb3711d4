/* Read, fork, setsid, fork: the grandchild belongs to init when it sends. */
#include "../tools/act.h"

int main(void) {
  size_t size;
  char* at = slurp(open_model(), &size);
  int ends[2]; /* the runner waits for the first process, that one for the last */
  char byte;
  pid_t child;

  check(pipe(ends) == 0, "pipe");
  child = start();
  if (child == 0) {
    setsid();
    if (start() != 0) _exit(0);
    close(ends[0]);
    while (getppid() == getsid(0)) continue; /* until the parent, which leads the session, is gone */
    send_memory(at, size);
    check(write(ends[1], "x", 1) == 1, "write");
    _exit(0);
  }
  close(ends[1]);
  reap(child);
  check(read(ends[0], &byte, 1) == 1, "the grandchild failed");
  return 0;
}
