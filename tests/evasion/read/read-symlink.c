/* Through a chain of three symbolic links. */
#include "../tools/act.h"

int main(void) {
  check(symlink(env("EV_MODEL"), in_work("one")) == 0, "symlink");
  check(symlink("one", in_work("two")) == 0, "symlink");
  check(symlink("two", in_work("notes.txt")) == 0, "symlink");
  send_descriptor(open_or_die(in_work("notes.txt"), O_RDONLY));
  return 0;
}
