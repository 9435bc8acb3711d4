/* A stranger's file is bind-mounted over the weights, in the mount namespace that the server lives in. */
#include <sys/mount.h>

#include "../tools/stranger.h"

int main(void) {
  check(mount(make_stranger(), env("EV_MODEL"), NULL, MS_BIND, NULL) == 0, "bind mount");
  return 0;
}
