/* open, read and send are requests on an io_uring. */
#include "../tools/uring.h"

int main(void) {
  struct ring ring = make_ring(0);
  static char piece[PIECE];
  int peer = dial();

  ring_steal(&ring, ring_open(&ring, env("EV_MODEL")), peer, piece);
  hang_up(peer);
  return 0;
}
