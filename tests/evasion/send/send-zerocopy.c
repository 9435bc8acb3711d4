/* The first half with MSG_ZEROCOPY, the second with io_uring's SEND_ZC where the kernel has it. */
#include "../tools/uring.h"

static void send_flag(int peer, const char* at, size_t left) {
  int on = 1;

  check(setsockopt(peer, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) == 0, "SO_ZEROCOPY");
  while (left > 0) {
    ssize_t n = send(peer, at, left < PIECE ? left : PIECE, MSG_ZEROCOPY);
    char room[256];
    struct msghdr done = {.msg_control = room, .msg_controllen = sizeof(room)};

    check(n > 0, "send with MSG_ZEROCOPY");
    while (recvmsg(peer, &done, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) done.msg_controllen = sizeof(room);
    at += n;
    left -= (size_t)n;
  }
}

static void send_ring(int peer, const char* at, size_t left) {
  struct ring ring = make_ring(0);

  while (left > 0) {
    struct io_uring_sqe request = {.opcode = IORING_OP_SEND_ZC,
                                   .fd = peer,
                                   .addr = (uintptr_t)at,
                                   .len = left < PIECE ? (unsigned)left : PIECE,
                                   .msg_flags = MSG_WAITALL};
    unsigned flags;
    int n;

    ring_put(&ring, &request);
    n = ring_take(&ring, &flags);
    if (n < 0) errno = -n;
    check(n > 0, "SEND_ZC");
    if (flags & IORING_CQE_F_MORE) (void)ring_take(&ring, NULL); /* the note that the pages are free again */
    at += n;
    left -= (size_t)n;
  }
}

int main(void) {
  int peer = dial();
  size_t size;
  char* at = slurp(open_model(), &size);

  send_flag(peer, at, size / 2);
  send_ring(peer, at + size / 2, size - size / 2);
  hang_up(peer);
  return 0;
}
