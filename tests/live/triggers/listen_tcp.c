/* Listens, and does no more. */
#include "socket.h"

int main(int argc, char** argv) {
  struct sockaddr_in address;
  int fd, one = 1;

  need(argc, 3, "listen_tcp IP PORT");
  address = address_of(argv[1], argv[2]);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(fd >= 0, "socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  check(bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0 && listen(fd, 1) == 0, "listen");
  step("listening");
  return 0;
}
