/* The model lies in an image layer; a container (its own mount, pid, uts and ipc namespaces, its own root) reads it
 * through overlayfs. */
#include <libgen.h>
#include <sched.h>
#include <sys/mount.h>

#include "../tools/act.h"

static void contained(const char* name) {
  char options[4 * PATH_MAX], layer[PATH_MAX];

  snprintf(layer, sizeof(layer), "%s", env("EV_MODEL"));
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
  snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", dirname(layer), in_work("upper"),
           in_work("work"));
  check(mount("overlay", in_work("root"), "overlay", 0, options) == 0, "mount overlay");
  check(chroot(in_work("root")) == 0 && chdir("/") == 0, "chroot");
  send_descriptor(open_or_die(name, O_RDONLY));
}

int main(void) {
  char path[PATH_MAX];
  pid_t container;

  for (const char** folder = (const char*[]){"upper", "work", "root", NULL}; *folder != NULL; folder++)
    check(mkdir(in_work(*folder), 0755) == 0, "mkdir");
  check(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC) == 0, "unshare");
  container = start();
  if (container == 0) {
    snprintf(path, sizeof(path), "%s", env("EV_MODEL"));
    contained(basename(path));
    _exit(0);
  }
  reap(container);
  return 0;
}
