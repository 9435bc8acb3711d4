/* The same, but a kernel thread takes the requests: this process makes no system call while it steals. */
#include "../tools/uring.h"

int main(void) {
  struct ring ring = make_ring(IORING_SETUP_SQPOLL);
  static char piece[PIECE];
  int peer = dial();

  ring_steal(&ring, ring_open(&ring, env("EV_MODEL")), peer, piece);
  hang_up(peer);
  return 0;
}
