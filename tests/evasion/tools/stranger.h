/* A file that somebody else made, as long as the model, with other bytes. */
#pragma once

#include "act.h"

static inline const char* make_stranger(void) {
  static char piece[PIECE];
  const char* path = in_work("stranger");
  int fd = open_or_die(path, O_WRONLY | O_CREAT);
  struct stat st;

  check(stat(env("EV_MODEL"), &st) == 0, "stat");
  for (size_t left = (size_t)st.st_size; left > 0;) {
    size_t n = left < PIECE ? left : PIECE;

    write_all(fd, piece, n);
    left -= n;
  }
  close(fd);
  return path;
}
