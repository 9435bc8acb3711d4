/* Cuts a file to half a page. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 2, "truncate_file PATH");
  check(truncate(argv[1], 2048) == 0, "truncate");
  step("truncated");
  return 0;
}
