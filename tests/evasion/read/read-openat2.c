/* The open that lists of opens forget. */
#include <linux/openat2.h>

#include "../tools/act.h"

int main(void) {
  struct open_how how = {.flags = O_RDONLY};
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, env("EV_MODEL"), &how, sizeof(how));

  check(fd >= 0, "openat2");
  send_descriptor(fd);
  return 0;
}
