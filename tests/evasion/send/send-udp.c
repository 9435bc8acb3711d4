/* Datagrams of an unconnected socket. */
#include "../tools/act.h"

#define PAYLOAD 1400

int main(void) {
  struct sockaddr_in there = outside(9001);
  static char piece[PAYLOAD];
  int model = open_model(), fd = socket(AF_INET, SOCK_DGRAM, 0);
  ssize_t n;

  check(fd >= 0, "socket");
  while ((n = read(model, piece, sizeof(piece))) > 0)
    check(sendto(fd, piece, (size_t)n, 0, (struct sockaddr*)&there, sizeof(there)) == n, "sendto");
  check(n == 0, "read");
  return 0;
}
