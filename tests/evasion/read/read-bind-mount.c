/* Through a bind mount that exists in this process's mount namespace alone. */
#include <sched.h>
#include <sys/mount.h>

#include "../tools/act.h"

int main(void) {
  check(unshare(CLONE_NEWNS) == 0, "unshare");
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
  close(open_or_die(in_work("here"), O_RDWR | O_CREAT));
  check(mount(env("EV_MODEL"), in_work("here"), NULL, MS_BIND, NULL) == 0, "bind mount");
  send_descriptor(open_or_die(in_work("here"), O_RDONLY));
  return 0;
}
