/* Where the server keeps its model: the largest writable private mapping that belongs to no file. */
#pragma once

#include "act.h"

struct range {
  uint64_t start, size;
};

static inline struct range largest_anonymous(pid_t pid) {
  struct range best = {0, 0};
  char path[64], line[512];
  FILE* maps;

  snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
  maps = fopen(path, "re");
  check(maps != NULL, path);
  while (fgets(line, sizeof(line), maps) != NULL) {
    uint64_t start, end, inode;
    char mode[8];

    if (sscanf(line, "%lx-%lx %7s %*x %*s %lu", &start, &end, mode, &inode) != 4) continue;
    if (strcmp(mode, "rw-p") != 0 || inode != 0 || end - start <= best.size) continue;
    best = (struct range){start, end - start};
  }
  fclose(maps);
  return best;
}

static inline pid_t server(void) { return (pid_t)atoi(env("EV_SERVER_PID")); }
