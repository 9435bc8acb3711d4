/* A unix socket whose receiver drains it by splice, for which the kernel has no receive event. */
#include "../tools/unix.h"

static void drain(int from) {
  int peer = dial(), pipes[2];
  ssize_t n;

  check(pipe(pipes) == 0, "pipe");
  while ((n = splice(from, NULL, pipes[1], NULL, PIECE, 0)) > 0) {
    while (n > 0) {
      ssize_t sent = splice(pipes[0], NULL, peer, NULL, (size_t)n, 0);

      check(sent > 0, "splice to the socket");
      n -= sent;
    }
  }
  check(n == 0, "splice from the socket");
  hang_up(peer);
}

int main(int argc, char** argv) {
  int there;
  pid_t sender;

  if (argc > 1) {
    drain(accept_unix(argv[2]));
    return 0;
  }
  sender = start_role("sender", in_work("line"));
  there = reach_unix(in_work("line"));
  pump(open_model(), there);
  close(there);
  reap(sender);
  return 0;
}
