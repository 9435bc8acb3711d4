/* Sets an extended attribute of a file. */
#include <sys/xattr.h>

#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 2, "set_xattr FILE");
  check(setxattr(argv[1], "user.note", "x", 1, 0) == 0, "setxattr");
  return 0;
}
