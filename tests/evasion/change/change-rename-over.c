/* A stranger's file is renamed over the weights. */
#include "../tools/stranger.h"

int main(void) {
  check(rename(make_stranger(), env("EV_MODEL")) == 0, "rename");
  return 0;
}
