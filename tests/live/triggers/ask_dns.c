/* Asks a name server for the TXT records of a name, by udp, or twice over one tcp connection; reads a file first if
 * told to. */
#include "socket.h"

#define LENGTH_BYTES 2 /* before a message in TCP */

static size_t put_name(uint8_t* to, const char* name) {
  uint8_t* length = to;

  for (;; name++) {
    if (*name && *name != '.') {
      length[++*length] = (uint8_t)*name;
      continue;
    }
    length += *length + 1;
    *length = 0;
    if (!*name) return (size_t)(length + 1 - to);
  }
}

static int ipv6_socket(const char* ip) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  check(fd >= 0, "socket");
  check(inet_pton(AF_INET6, ip, &address.sin6_addr) == 1, ip);
  check(connect(fd, (struct sockaddr*)&address, sizeof(address)) == 0, "connect");
  return fd;
}

static void send_all(int fd, const uint8_t* bytes, size_t size) {
  check(send(fd, bytes, size, 0) == (ssize_t)size, "send");
}

int main(int argc, char** argv) {
  uint8_t message[LENGTH_BYTES + 512] = {0, 0, 0x12, 0x34, 1, 0, 0, 1};
  size_t size = LENGTH_BYTES + 12;
  int tcp, fd;

  need(argc == 5 ? 4 : argc, 4, "ask_dns udp|tcp IP NAME [PATH]");
  tcp = argv[1][0] == 't';
  size += put_name(message + size, argv[3]);
  message[size + 1] = 16;
  message[size + 3] = 1;
  size += 4;
  message[1] = (uint8_t)(size - LENGTH_BYTES);
  if (argc == 5) read_blocks(open_file(argv[4], O_RDONLY), TRIGGER_BLOCK);
  step("ready");
  fd = strchr(argv[2], ':') ? ipv6_socket(argv[2]) : connect_to(tcp ? SOCK_STREAM : SOCK_DGRAM, argv[2], "53");
  if (tcp) {
    send_all(fd, message, size);
    send_all(fd, message, size);
  } else {
    send_all(fd, message + LENGTH_BYTES, size - LENGTH_BYTES);
  }
  step("asked");
  return 0;
}
