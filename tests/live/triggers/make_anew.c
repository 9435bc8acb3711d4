/* Deletes a file and makes one of the same name. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 2, "make_anew FILE");
  check(unlink(argv[1]) == 0, "unlink");
  write_blocks(open_file(argv[1], O_WRONLY | O_CREAT | O_EXCL), 8192);
  return 0;
}
