/* A few bytes flipped in place. */
#include "../tools/act.h"

int main(void) {
  int fd = open_or_die(env("EV_MODEL"), O_WRONLY);

  check(pwrite(fd, "flipped", 7, 5 << 20) == 7, "pwrite");
  return 0;
}
