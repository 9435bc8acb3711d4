/* Sends one request head. */
#include "socket.h"

int main(int argc, char** argv) {
  static const char head[] = "GET /v1/models HTTP/1.1\r\nHost: tensorwarden.test\r\n\r\n";
  int fd;

  need(argc, 3, "http_get IP PORT");
  fd = connect_to(SOCK_STREAM, argv[1], argv[2]);
  check(write(fd, head, sizeof(head) - 1) == sizeof(head) - 1, "write");
  step("asked");
  return 0;
}
