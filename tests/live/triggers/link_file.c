/* Gives a file a second name. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 3, "link_file PATH NEW");
  check(link(argv[1], argv[2]) == 0, "link");
  step("linked");
  return 0;
}
