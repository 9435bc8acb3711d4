/* Reads the start of a file, then sends as many bytes to an address of this host: as they are, by a source route, or
 * from a socket that may bind any address. */
#include <errno.h>

#include "socket.h"

#define DATAGRAM 1000
#ifndef IPV6_RTHDR
#define IPV6_RTHDR 57
#endif

static int by_route(void) {
  /* A segment routing header (RFC 8754) of two segments, both ::1. */
  unsigned char header[8 + 2 * 16] = {0, 4, 4, 1, 1};
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);

  header[8 + 15] = header[8 + 16 + 15] = 1;
  check(fd >= 0, "socket");
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, header, sizeof(header)) != 0) return -1;
  check(connect(fd, (struct sockaddr*)&to, sizeof(to)) == 0, "connect");
  return fd;
}

static int plain(int freebind) {
  struct sockaddr_in to = address_of("127.0.0.1", "9");
  int fd = socket(AF_INET, SOCK_DGRAM, 0);

  check(fd >= 0, "socket");
  check(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &freebind, sizeof(freebind)) == 0, "IP_FREEBIND");
  check(connect(fd, (struct sockaddr*)&to, sizeof(to)) == 0, "connect");
  return fd;
}

int main(int argc, char** argv) {
  static char datagram[DATAGRAM];
  uint64_t bytes;
  int fd;

  need(argc, 4, "send_steered plain|route|freebind PATH BYTES");
  bytes = strtoull(argv[3], NULL, 10);
  read_blocks(open_file(argv[2], O_RDONLY), bytes);
  fd = strcmp(argv[1], "route") == 0 ? by_route() : plain(strcmp(argv[1], "freebind") == 0);
  if (fd < 0) step("no source routes");
  for (; fd >= 0 && bytes >= DATAGRAM; bytes -= DATAGRAM)
    if (send(fd, datagram, DATAGRAM, 0) < 0) check(errno == ECONNREFUSED, "send"); /* told by the last one */
  step("sent");
  return 0;
}
