/* Forks a child that runs another program, and waits for it. */
#include <sys/wait.h>

#include "trigger.h"

int main(int argc, char** argv) {
  int status = 0;

  if (argc < 2) need(argc, 2, "fork_exec PROGRAM ARG...");
  if (fork() == 0) {
    execv(argv[1], argv + 1);
    _exit(127);
  }
  wait(&status);
  printf("%d\n", status);
  return 0;
}
