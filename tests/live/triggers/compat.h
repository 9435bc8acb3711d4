/* System calls by the 32-bit table, from a 64-bit program: memory that they are given lies below 4 GiB. */
#pragma once

#include <sys/mman.h>

#include "trigger.h"

#ifdef __x86_64__
static inline long compat_call(long number, long a, long b, long c) {
  long result;

  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c)
                   : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}

static inline long compat_move(long number, int fd, size_t bytes) {
  static char* low;

  if (low == NULL) low = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  check(low != MAP_FAILED, "mmap");
  return compat_call(number, fd, (long)low, (long)bytes);
}

static inline long compat_read(int fd, size_t bytes) { return compat_move(3, fd, bytes); }
static inline long compat_write(int fd, size_t bytes) { return compat_move(4, fd, bytes); }
#else
static inline long compat_read(int fd, size_t bytes) { return (void)fd, (void)bytes, -1; }
static inline long compat_write(int fd, size_t bytes) { return (void)fd, (void)bytes, -1; }
#endif
