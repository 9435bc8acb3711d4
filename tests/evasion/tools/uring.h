/* io_uring by its system calls alone: one ring, one request at a time. */
#pragma once

#include <linux/io_uring.h>

#include "act.h"

struct ring {
  int fd;
  unsigned *sq_tail, *sq_mask, *sq_flags, *sq_array, *cq_head, *cq_tail, *cq_mask;
  struct io_uring_sqe* sqes;
  struct io_uring_cqe* cqes;
  int polled;
};

static inline struct ring make_ring(unsigned flags) {
  struct io_uring_params p = {.flags = flags, .sq_thread_idle = 20000};
  struct ring ring = {.polled = (flags & IORING_SETUP_SQPOLL) != 0};
  size_t sq_size, cq_size;
  char *sq, *cq;

  ring.fd = (int)syscall(SYS_io_uring_setup, 8, &p);
  check(ring.fd >= 0, "io_uring_setup");
  sq_size = p.sq_off.array + p.sq_entries * sizeof(unsigned);
  cq_size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
  sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
  cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_CQ_RING);
  ring.sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                   ring.fd, IORING_OFF_SQES);
  check(sq != MAP_FAILED && cq != MAP_FAILED && ring.sqes != MAP_FAILED, "mmap of the ring");
  ring.sq_tail = (unsigned*)(sq + p.sq_off.tail);
  ring.sq_mask = (unsigned*)(sq + p.sq_off.ring_mask);
  ring.sq_flags = (unsigned*)(sq + p.sq_off.flags);
  ring.sq_array = (unsigned*)(sq + p.sq_off.array);
  ring.cq_head = (unsigned*)(cq + p.cq_off.head);
  ring.cq_tail = (unsigned*)(cq + p.cq_off.tail);
  ring.cq_mask = (unsigned*)(cq + p.cq_off.ring_mask);
  ring.cqes = (struct io_uring_cqe*)(cq + p.cq_off.cqes);
  return ring;
}

static inline void ring_put(struct ring* ring, const struct io_uring_sqe* request) {
  unsigned tail = *ring->sq_tail, index = tail & *ring->sq_mask;

  ring->sqes[index] = *request;
  ring->sq_array[index] = index;
  __atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static inline int ring_take(struct ring* ring, unsigned* flags) {
  unsigned head = *ring->cq_head;
  struct io_uring_cqe cqe;

  while (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE)) {
    unsigned enter = IORING_ENTER_GETEVENTS;

    if (ring->polled) {
      /* Asleep after sq_thread_idle only: in these acts the polling thread needs no call to see a request. */
      if (!(__atomic_load_n(ring->sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_NEED_WAKEUP)) continue;
      enter |= IORING_ENTER_SQ_WAKEUP;
    }
    check(syscall(SYS_io_uring_enter, ring->fd, 1, 1, enter, NULL, 0) >= 0, "io_uring_enter");
  }
  cqe = ring->cqes[head & *ring->cq_mask];
  __atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
  if (flags != NULL) *flags = cqe.flags;
  return cqe.res;
}

/* One request; the call ends with it. */
static inline int ring_do(struct ring* ring, const struct io_uring_sqe* request, const char* what) {
  int result;

  ring_put(ring, request);
  result = ring_take(ring, NULL);
  if (result < 0) {
    errno = -result;
    check(0, what);
  }
  return result;
}

static inline int ring_open(struct ring* ring, const char* path) {
  struct io_uring_sqe request = {
      .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)path, .open_flags = O_RDONLY};

  return ring_do(ring, &request, "io_uring open");
}

static inline int ring_read(struct ring* ring, int fd, void* to, unsigned size, uint64_t offset) {
  struct io_uring_sqe request = {.opcode = IORING_OP_READ, .fd = fd, .addr = (uintptr_t)to, .len = size, .off = offset};

  return ring_do(ring, &request, "io_uring read");
}

static inline int ring_send(struct ring* ring, int fd, const void* from, unsigned size) {
  struct io_uring_sqe request = {
      .opcode = IORING_OP_SEND, .fd = fd, .addr = (uintptr_t)from, .len = size, .msg_flags = MSG_WAITALL};

  return ring_do(ring, &request, "io_uring send");
}

/* Reads all of `file` and sends it to `peer`, both by the ring. */
static inline void ring_steal(struct ring* ring, int file, int peer, char* piece) {
  uint64_t at = 0;
  int n;

  while ((n = ring_read(ring, file, piece, PIECE, at)) > 0) {
    int sent = 0;

    while (sent < n) sent += ring_send(ring, peer, piece + sent, (unsigned)(n - sent));
    at += (uint64_t)n;
  }
}
