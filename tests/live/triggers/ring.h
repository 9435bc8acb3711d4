/* io_uring without its library: one request at a time. */
#pragma once

#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "trigger.h"

struct ring {
  int fd;
  unsigned enter; /* flags of each call */
  unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
  struct io_uring_sqe* sqes;
  struct io_uring_cqe* cqes;
};

/* `flags`: IORING_SETUP_*. */
static inline struct ring ring_make_with(unsigned flags) {
  struct io_uring_params p = {.flags = flags, .sq_thread_idle = 1000};
  struct ring ring = {.enter = IORING_ENTER_GETEVENTS};
  size_t bytes;
  char* map;

  ring.fd = (int)syscall(SYS_io_uring_setup, 4, &p);
  check(ring.fd >= 0, "io_uring_setup");
  if (flags & IORING_SETUP_SQPOLL) ring.enter |= IORING_ENTER_SQ_WAKEUP;
  bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe) + p.sq_off.array + p.sq_entries * 4;
  map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
  check(map != MAP_FAILED, "ring");
  ring.sq_tail = (unsigned*)(map + p.sq_off.tail);
  ring.sq_mask = (unsigned*)(map + p.sq_off.ring_mask);
  ring.sq_array = (unsigned*)(map + p.sq_off.array);
  ring.cq_head = (unsigned*)(map + p.cq_off.head);
  ring.cq_tail = (unsigned*)(map + p.cq_off.tail);
  ring.cq_mask = (unsigned*)(map + p.cq_off.ring_mask);
  ring.cqes = (struct io_uring_cqe*)(map + p.cq_off.cqes);
  ring.sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
                   IORING_OFF_SQES);
  check(ring.sqes != MAP_FAILED, "requests");
  return ring;
}

static inline struct ring ring_make(void) { return ring_make_with(0); }

/* Result of one request. */
static inline int ring_do(struct ring* ring, int opcode, int fd, void* data, unsigned bytes, uint64_t offset) {
  unsigned tail = *ring->sq_tail, slot = tail & *ring->sq_mask;
  struct io_uring_sqe* sqe = &ring->sqes[slot];
  int result;

  memset(sqe, 0, sizeof(*sqe));
  sqe->opcode = (uint8_t)opcode;
  sqe->fd = fd;
  sqe->addr = (uint64_t)(uintptr_t)data;
  sqe->len = bytes;
  sqe->off = offset;
  ring->sq_array[slot] = slot;
  __atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
  check(syscall(SYS_io_uring_enter, ring->fd, 1, 1, ring->enter, NULL, 0) == 1, "io_uring_enter");
  result = ring->cqes[*ring->cq_head & *ring->cq_mask].res;
  __atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
  return result;
}
