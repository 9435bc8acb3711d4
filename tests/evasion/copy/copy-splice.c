/* splice from the file to a pipe, and from the pipe to the socket. */
#include "../tools/act.h"

int main(void) {
  int model = open_model(), peer = dial(), pipes[2];
  ssize_t n;

  check(pipe(pipes) == 0, "pipe");
  while ((n = splice(model, NULL, pipes[1], NULL, PIECE, 0)) > 0) {
    while (n > 0) {
      ssize_t sent = splice(pipes[0], NULL, peer, NULL, (size_t)n, 0);

      check(sent > 0, "splice to the socket");
      n -= sent;
    }
  }
  check(n == 0, "splice from the file");
  hang_up(peer);
  return 0;
}
