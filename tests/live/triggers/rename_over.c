/* Makes a stranger's file and renames it over another. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 3, "rename_over NEW TARGET");
  write_blocks(open_file(argv[1], O_WRONLY | O_CREAT | O_TRUNC), 8192);
  check(rename(argv[1], argv[2]) == 0, "rename");
  step("renamed");
  return 0;
}
