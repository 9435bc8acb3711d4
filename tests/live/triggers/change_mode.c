/* Changes a file's permissions. */
#include <sys/stat.h>

#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 2, "change_mode PATH");
  check(chmod(argv[1], 0666) == 0, "chmod");
  step("changed");
  return 0;
}
