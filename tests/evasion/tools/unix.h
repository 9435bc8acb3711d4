/* Stream sockets by path. */
#pragma once

#include <sys/un.h>

#include "act.h"

static inline struct sockaddr_un unix_address(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
  return address;
}

static inline int listen_unix(const char* path) {
  struct sockaddr_un address = unix_address(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  check(fd >= 0, "socket");
  check(bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0, "bind");
  check(listen(fd, 4) == 0, "listen");
  return fd;
}

static inline int accept_unix(const char* path) {
  int listener = listen_unix(path), fd = accept(listener, NULL, NULL);

  check(fd >= 0, "accept");
  close(listener);
  return fd;
}

/* The listener may not be there yet. */
static inline int reach_unix(const char* path) {
  struct sockaddr_un address = unix_address(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  check(fd >= 0, "socket");
  for (int tries = 0; connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0; tries++) {
    check(tries < 5000 && (errno == ENOENT || errno == ECONNREFUSED), "connect");
    usleep(2000);
  }
  return fd;
}
