/* Puts a folder in the place of another. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 4, "swap_folders PLACE ASIDE NEW");
  check(rename(argv[1], argv[2]) == 0, "rename aside");
  check(rename(argv[3], argv[1]) == 0, "rename into place");
  return 0;
}
