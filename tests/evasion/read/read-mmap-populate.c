/* MAP_POPULATE: the pages come with the call, and a child that inherits the mapping sends. */
#include "../tools/act.h"

int main(void) {
  int fd = open_model();
  size_t size = size_of(fd);
  char* at = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  pid_t pid;

  check(at != MAP_FAILED, "mmap");
  close(fd);
  pid = start();
  if (pid == 0) {
    send_memory(at, size);
    _exit(0);
  }
  reap(pid);
  return 0;
}
