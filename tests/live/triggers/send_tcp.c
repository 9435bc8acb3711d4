/* Reads the start of a file, then sends as many bytes with write(2). */
#include "socket.h"

int main(int argc, char** argv) {
  uint64_t bytes;
  int fd;

  need(argc, 5, "send_tcp IP PORT PATH BYTES");
  bytes = strtoull(argv[4], NULL, 10);
  read_blocks(open_file(argv[3], O_RDONLY), bytes);
  fd = connect_to(SOCK_STREAM, argv[1], argv[2]);
  step("connected");
  write_blocks(fd, bytes);
  step("sent");
  return 0;
}
