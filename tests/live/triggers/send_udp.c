/* Reads the start of a file, then sends as many bytes in datagrams of 1 000. */
#include "socket.h"

int main(int argc, char** argv) {
  struct sockaddr_in to;
  char datagram[1000] = {0};
  uint64_t bytes;
  int fd;

  need(argc, 5, "send_udp IP PORT PATH BYTES");
  bytes = strtoull(argv[4], NULL, 10);
  to = address_of(argv[1], argv[2]);
  read_blocks(open_file(argv[3], O_RDONLY), bytes);
  fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(fd >= 0, "socket");
  for (; bytes > 0; bytes -= sizeof(datagram))
    check(sendto(fd, datagram, sizeof(datagram), 0, (struct sockaddr*)&to, sizeof(to)) == sizeof(datagram), "sendto");
  step("sent");
  return 0;
}
