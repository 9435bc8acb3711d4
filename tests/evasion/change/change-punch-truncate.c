/* Two processes: the first punches a hole, the second cuts the file and restores its size. Neither writes a byte. Both
 * are one matter to the agent, so the first, which is harder to see, has to be the one that opened the alert. */
#include "../tools/act.h"

int main(void) {
  pid_t pid = start();
  struct stat st;

  if (pid == 0) {
    int fd = open_or_die(env("EV_MODEL"), O_WRONLY);

    check(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 << 20, 1 << 20) == 0, "fallocate");
    _exit(0);
  }
  say_actor(pid);
  reap(pid);
  pid = start();
  if (pid == 0) {
    check(stat(env("EV_MODEL"), &st) == 0, "stat");
    check(truncate(env("EV_MODEL"), st.st_size - (1 << 20)) == 0, "truncate");
    check(truncate(env("EV_MODEL"), st.st_size) == 0, "truncate");
    _exit(0);
  }
  reap(pid);
  return 0;
}
