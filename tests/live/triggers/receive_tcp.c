/* Accepts one connection and counts what comes until its end. With BYTES it stops there until the test lets it go on.
 */
#include "socket.h"

int main(int argc, char** argv) {
  static char block[TRIGGER_BLOCK];
  struct sockaddr_in address;
  unsigned long long bytes = 0, stop = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
  int fd, peer, one = 1;
  ssize_t n;

  need(argc == 4 ? 3 : argc, 3, "receive_tcp IP PORT [BYTES]");
  address = address_of(argv[1], argv[2]);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(fd >= 0, "socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  check(bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0 && listen(fd, 1) == 0, "listen");
  printf("listening\n");
  fflush(stdout);
  peer = accept(fd, NULL, NULL);
  check(peer >= 0, "accept");
  while ((n = read(peer, block, sizeof(block))) > 0) {
    bytes += (unsigned long long)n;
    if (stop == 0 || bytes < stop) continue;
    stop = 0;
    step("halfway");
  }
  check(n == 0, "read");
  printf("%llu\n", bytes);
  return 0;
}
