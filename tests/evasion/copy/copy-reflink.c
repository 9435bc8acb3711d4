/* FICLONE: the copy shares the model's blocks, and no byte of it was read. Another process sends the copy. */
#include <libgen.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "../tools/act.h"

int main(int argc, char** argv) {
  char path[PATH_MAX];
  int model, copy;

  if (argc > 1) {
    send_descriptor(open_or_die(argv[2], O_RDONLY));
    return 0;
  }
  model = open_model();
  snprintf(path, sizeof(path), "%s", env("EV_MODEL"));
  strcat(dirname(dirname(path)), "/clone");
  copy = open_or_die(path, O_RDWR | O_CREAT);
  check(ioctl(copy, FICLONE, model) == 0, "FICLONE");
  close(model);
  close(copy);
  reap(start_role("sender", path));
  return 0;
}
