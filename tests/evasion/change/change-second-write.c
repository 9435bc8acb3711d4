/* The page is dirty already: the runner let the confirmed trainer write to it just before, so that write-back has
 * nothing new to say of this write. */
#include "../tools/act.h"

int main(void) {
  int fd = open_or_die(env("EV_MODEL"), O_WRONLY);

  check(pwrite(fd, "flipped", 7, (5 << 20) + 64) == 7, "pwrite");
  say_actor(getpid());
  return 0;
}
