/* Addresses for the triggers that talk. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "trigger.h"

static inline struct sockaddr_in address_of(const char* ip, const char* port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

  check(inet_pton(AF_INET, ip, &address.sin_addr) == 1, ip);
  return address;
}

static inline int connect_to(int type, const char* ip, const char* port) {
  struct sockaddr_in address = address_of(ip, port);
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

  check(fd >= 0, "socket");
  check(connect(fd, (struct sockaddr*)&address, sizeof(address)) == 0, "connect");
  return fd;
}
