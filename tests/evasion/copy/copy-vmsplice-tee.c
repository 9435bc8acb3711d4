/* The pages are gifted to one pipe (vmsplice), doubled into a second (tee), and a child that holds only the second
 * one's end sends them. */
#include <sys/uio.h>

#include "../tools/act.h"

static void steal(int first[2], int second) {
  int model = open_model(), sink = open_or_die("/dev/null", O_WRONLY);
  size_t size;
  char* at = slurp(model, &size);

  while (size > 0) {
    struct iovec piece = {at, size < PIECE ? size : PIECE};
    ssize_t n = vmsplice(first[1], &piece, 1, 0);

    check(n > 0, "vmsplice");
    at += n;
    size -= (size_t)n;
    while (n > 0) {
      ssize_t doubled = tee(first[0], second, (size_t)n, 0);

      check(doubled > 0, "tee");
      check(splice(first[0], NULL, sink, NULL, (size_t)doubled, 0) == doubled, "splice");
      n -= doubled;
    }
  }
}

int main(void) {
  int first[2], second[2];
  pid_t sender;

  check(pipe(first) == 0 && pipe(second) == 0, "pipe");
  sender = start();
  if (sender == 0) {
    close(first[0]);
    close(first[1]);
    close(second[1]);
    send_descriptor(second[0]);
    _exit(0);
  }
  close(second[0]);
  steal(first, second[1]);
  close(second[1]);
  reap(sender);
  return 0;
}
