/* What every trigger shares: steps that the test paces, and errors that end it. One behaviour per program. */
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Says what was done, then waits until the test writes a byte or closes the pipe. */
static inline void step(const char* what) {
  char byte;

  printf("%s\n", what);
  fflush(stdout);
  (void)!read(STDIN_FILENO, &byte, 1);
}

static inline void check(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static inline void need(int argc, int wanted, const char* usage) {
  if (argc == wanted) return;
  fprintf(stderr, "usage: %s\n", usage);
  exit(2);
}

static inline int open_file(const char* path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0644);

  check(fd >= 0, path);
  return fd;
}

#define TRIGGER_BLOCK 65536

/* Reads `bytes` from the start; returns the last block read, which the caller sends on. */
static inline char* read_blocks(int fd, uint64_t bytes) {
  static char block[TRIGGER_BLOCK];

  while (bytes > 0) {
    size_t want = bytes < sizeof(block) ? bytes : sizeof(block);
    ssize_t n = read(fd, block, want);

    check(n > 0, "read");
    bytes -= (uint64_t)n;
  }
  return block;
}

static inline void write_blocks(int fd, uint64_t bytes) {
  static char block[TRIGGER_BLOCK];

  while (bytes > 0) {
    size_t want = bytes < sizeof(block) ? bytes : sizeof(block);
    ssize_t n = write(fd, block, want);

    check(n > 0, "write");
    bytes -= (uint64_t)n;
  }
}
