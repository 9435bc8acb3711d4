/* Executes a program in a mount namespace that belongs to a user namespace of its own making; with "own" in that of the
 * host. */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>

#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 4, "user_mounts own|users PROGRAM ARGUMENT");
  if (strcmp(argv[1], "users") == 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    step("no user namespaces");
    return 0;
  }
  execv(argv[2], argv + 2);
  check(0, "execv");
  return 1;
}
