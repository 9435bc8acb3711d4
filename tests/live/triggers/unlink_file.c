/* Removes a file's name. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 2, "unlink_file PATH");
  check(unlink(argv[1]) == 0, "unlink");
  step("unlinked");
  return 0;
}
