/* One store through a shared mapping. */
#include "../tools/act.h"

int main(void) {
  int fd = open_or_die(env("EV_MODEL"), O_RDWR);
  char* at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 5 << 20);

  check(at != MAP_FAILED, "mmap");
  memcpy(at, "flipped", 7);
  return 0;
}
