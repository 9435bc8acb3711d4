/* Mounts a file over another one for a while. */
#include <sys/mount.h>

#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 3, "mount_over FILE OVER");
  check(mount(argv[1], argv[2], NULL, MS_BIND, NULL) == 0, "mount");
  step("mounted");
  check(umount2(argv[2], MNT_DETACH) == 0, "umount");
  return 0;
}
