/* Renames a file. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 3, "rename_file FROM TO");
  check(rename(argv[1], argv[2]) == 0, "rename");
  return 0;
}
