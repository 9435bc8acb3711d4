/* name_to_handle_at, then open_by_handle_at: the call that opens has no path. */
#include "../tools/act.h"

int main(void) {
  struct {
    struct file_handle head;
    unsigned char room[MAX_HANDLE_SZ];
  } handle = {.head.handle_bytes = MAX_HANDLE_SZ};
  int mount_id, mount = open_or_die(in_work("."), O_RDONLY | O_DIRECTORY), fd;

  check(name_to_handle_at(AT_FDCWD, env("EV_MODEL"), &handle.head, &mount_id, 0) == 0, "name_to_handle_at");
  fd = open_by_handle_at(mount, &handle.head, O_RDONLY);
  check(fd >= 0, "open_by_handle_at");
  send_descriptor(fd);
  return 0;
}
