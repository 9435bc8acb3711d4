/* Reads a file and hands its start to a child, over a socket between two addresses of this host. The child was made
 * first, and holds nothing of what its parent reads. */
#include <sys/wait.h>

#include "socket.h"

#define DATAGRAM 1000

struct end {
  struct sockaddr_storage address;
  socklen_t size;
};

static struct end end_of(const char* ip, const char* port) {
  struct end end = {.size = sizeof(struct sockaddr_in)};
  struct sockaddr_in6* six = (struct sockaddr_in6*)&end.address;
  struct sockaddr_in* four = (struct sockaddr_in*)&end.address;

  if (inet_pton(AF_INET, ip, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)atoi(port));
    return end;
  }
  check(inet_pton(AF_INET6, ip, &six->sin6_addr) == 1, ip);
  six->sin6_family = AF_INET6;
  six->sin6_port = htons((uint16_t)atoi(port));
  end.size = sizeof(*six);
  return end;
}

static int bound(int type, const struct end* end) {
  int fd = socket(end->address.ss_family, type, 0), one = 1;

  check(fd >= 0, "socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  check(bind(fd, (const struct sockaddr*)&end->address, end->size) == 0, "bind");
  return fd;
}

static void send_to(int fd, const struct end* to, uint64_t bytes) {
  static char datagram[DATAGRAM];

  for (; bytes >= DATAGRAM; bytes -= DATAGRAM)
    check(sendto(fd, datagram, DATAGRAM, 0, (const struct sockaddr*)&to->address, to->size) == DATAGRAM, "sendto");
}

int main(int argc, char** argv) {
  struct end from, to;
  uint64_t bytes;
  int type, in, out;

  need(argc, 7, "local_relay tcp|udp FROM TO PORT PATH BYTES");
  type = strcmp(argv[1], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM;
  from = end_of(argv[2], "0");
  to = end_of(argv[3], argv[4]);
  bytes = strtoull(argv[6], NULL, 10);
  in = bound(type, &to);
  if (type == SOCK_STREAM) check(listen(in, 1) == 0, "listen");
  if (fork() == 0) {
    if (type == SOCK_STREAM) in = accept(in, NULL, NULL);
    read_blocks(in, bytes);
    return 0;
  }
  close(in);
  read_blocks(open_file(argv[5], O_RDONLY), bytes);
  step("read");
  out = bound(type, &from);
  if (type == SOCK_STREAM) {
    check(connect(out, (struct sockaddr*)&to.address, to.size) == 0, "connect");
    write_blocks(out, bytes);
  } else {
    send_to(out, &to, bytes);
  }
  wait(NULL);
  step("relayed");
  return 0;
}
