/* The first half in raw IP packets of an unused protocol, the second in frames of a packet socket. */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

#include "../tools/act.h"

#define PAYLOAD 1400
#define PROTOCOL 253      /* for experiments, RFC 3692 */
#define ETHERTYPE 0x88b5u /* for experiments, IEEE 802 */

static void send_half(int model, size_t left, int fd, const void* there, socklen_t size) {
  static char piece[PAYLOAD];

  check(fd >= 0, "socket");
  while (left > 0) {
    ssize_t n = read(model, piece, left < PAYLOAD ? left : PAYLOAD);

    check(n > 0, "read");
    while (sendto(fd, piece, (size_t)n, 0, there, size) != n) check(errno == ENOBUFS, "sendto");
    left -= (size_t)n;
  }
}

int main(void) {
  struct sockaddr_in host = outside(0);
  struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE), .sll_halen = 6};
  int model = open_model();
  size_t size = size_of(model);

  link.sll_ifindex = (int)if_nametoindex(env("EV_LINK"));
  memset(link.sll_addr, 0xff, 6);
  send_half(model, size / 2, socket(AF_INET, SOCK_RAW, PROTOCOL), &host, sizeof(host));
  send_half(model, size - size / 2, socket(AF_PACKET, SOCK_DGRAM, 0), &link, sizeof(link));
  return 0;
}
