/* An edit, and the time of modification put back. */
#include "../tools/act.h"

int main(void) {
  int fd = open_or_die(env("EV_MODEL"), O_WRONLY);
  struct stat before;

  check(fstat(fd, &before) == 0, "fstat");
  check(pwrite(fd, "flipped", 7, 5 << 20) == 7, "pwrite");
  check(futimens(fd, (struct timespec[2]){before.st_atim, before.st_mtim}) == 0, "futimens");
  return 0;
}
