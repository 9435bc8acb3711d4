/* Through another name of the same inode, in another folder. */
#include "../tools/act.h"

int main(void) {
  check(link(env("EV_MODEL"), in_work("notes.txt")) == 0, "link");
  send_descriptor(open_or_die(in_work("notes.txt"), O_RDONLY));
  return 0;
}
