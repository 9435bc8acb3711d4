/* Reads the start of a file, then sends as many bytes past TCP and UDP: in frames of its own making, or in raw IP
 * packets. Or only makes a socket that sends from shared memory, which nobody sees. */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

#include "socket.h"

#define FRAME 1000
#define PROTOCOL_FOR_TRIALS 253

static void send_frames(uint64_t bytes) {
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = ETH_ALEN};
  int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
  static char frame[FRAME];

  check(fd >= 0, "socket");
  to.sll_ifindex = (int)if_nametoindex("lo");
  for (; bytes >= FRAME; bytes -= FRAME)
    check(sendto(fd, frame, FRAME, 0, (struct sockaddr*)&to, sizeof(to)) == FRAME, "sendto");
}

static void send_raw(uint64_t bytes, const char* ip) {
  struct sockaddr_in to = address_of(ip, "0");
  int fd = socket(AF_INET, SOCK_RAW, PROTOCOL_FOR_TRIALS);
  static char packet[FRAME];

  check(fd >= 0, "socket");
  for (; bytes >= FRAME; bytes -= FRAME)
    check(sendto(fd, packet, FRAME, 0, (struct sockaddr*)&to, sizeof(to)) == FRAME, "sendto");
}

int main(int argc, char** argv) {
  uint64_t bytes;

  need(argc, 5, "send_family packet|raw|xdp PATH BYTES IP");
  bytes = strtoull(argv[3], NULL, 10);
  read_blocks(open_file(argv[2], O_RDONLY), bytes);
  if (strcmp(argv[1], "packet") == 0)
    send_frames(bytes);
  else if (strcmp(argv[1], "raw") == 0)
    send_raw(bytes, argv[4]);
  else if (socket(AF_XDP, SOCK_RAW, 0) < 0)
    step("no XDP");
  step("sent");
  return 0;
}
