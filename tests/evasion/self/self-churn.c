/* 20 000 processes that live for a moment, every tenth with a program of its own, while one steals. The thief reads
 * before the first and sends after the last, so that whoever forgets old processes forgets it. */
#include "../tools/act.h"

#define PROCESSES 20000

static void steal(int go) {
  size_t size;
  char *at = slurp(open_model(), &size), byte;

  check(read(go, &byte, 1) == 1, "the word to go on");
  send_memory(at, size);
}

int main(void) {
  int ends[2];
  pid_t thief;

  check(pipe(ends) == 0, "pipe");
  thief = start();
  if (thief == 0) {
    steal(ends[0]);
    _exit(0);
  }
  for (int i = 0; i < PROCESSES; i++) {
    pid_t pid = fork();

    check(pid >= 0, "fork");
    if (pid == 0) {
      if (i % 10 == 0) execl("/bin/true", "true", (char*)NULL);
      _exit(0);
    }
    waitpid(pid, NULL, 0);
  }
  check(write(ends[1], "x", 1) == 1, "write");
  reap(thief);
  return 0;
}
