/* A copy in pieces, each by a process that ends within 5 ms of reading; a process that comes when they are all dead
 * sends the copy. */
#include <time.h>

#include "../tools/act.h"

#define SHARE (256u << 10)

static long now_us(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void carry(off_t at, long* slowest_us) {
  static char piece[SHARE];
  int model = open_model(), copy = open_or_die(in_work("scrap"), O_WRONLY | O_CREAT);
  long begin = now_us();
  ssize_t n = pread(model, piece, sizeof(piece), at);

  check(n > 0, "pread");
  check(pwrite(copy, piece, (size_t)n, at) == n, "pwrite");
  if (now_us() - begin > *slowest_us) *slowest_us = now_us() - begin;
  _exit(0);
}

int main(int argc, char** argv) {
  long* slowest_us = some_memory(4096, MAP_SHARED);
  size_t size;

  if (argc > 1) {
    send_descriptor(open_or_die(argv[2], O_RDONLY));
    return 0;
  }
  size = size_of(open_model());
  for (size_t at = 0; at < size; at += SHARE) {
    pid_t pid = start();

    if (pid == 0) carry((off_t)at, slowest_us);
    reap(pid);
  }
  printf("note each carrier ended within %ld us of reading\n", *slowest_us);
  reap(start_role("sender", in_work("scrap")));
  return 0;
}
