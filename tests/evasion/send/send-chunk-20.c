/* Twenty processes send five percent each, to twenty addresses: EV_HOST and the nineteen after it. */
#include "../tools/act.h"

#define PARTS 20

static void send_part(int part) {
  struct sockaddr_in address = outside(atoi(env("EV_PORT")));
  int model = open_model(), peer;
  size_t share = size_of(model) / PARTS + 1;
  char* piece = some_memory(share, MAP_PRIVATE);
  ssize_t n = pread(model, piece, share, (off_t)(share * (size_t)part));

  check(n > 0, "pread");
  address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + (uint32_t)part);
  peer = dial_address(address);
  write_all(peer, piece, (size_t)n);
  hang_up(peer);
}

int main(int argc, char** argv) {
  char number[16];

  if (argc > 1) {
    send_part(atoi(argv[2]));
    return 0;
  }
  for (int part = 0; part < PARTS; part++) {
    snprintf(number, sizeof(number), "%d", part);
    reap(start_role("sender", number));
  }
  return 0;
}
