/* A child writes its requests into the ring that its parent made: the parent's polling thread opens, reads and sends,
 * into memory of the parent, which itself does nothing. */
#include "../tools/uring.h"

int main(void) {
  struct ring ring = make_ring(IORING_SETUP_SQPOLL);
  char* piece = some_memory(PIECE, MAP_SHARED);
  int peer = dial();
  pid_t child = start();

  if (child == 0) {
    ring_steal(&ring, ring_open(&ring, env("EV_MODEL")), peer, piece);
    _exit(0);
  }
  reap(child);
  hang_up(peer);
  return 0;
}
