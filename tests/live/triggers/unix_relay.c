/* The same through a pair of unix sockets of one type: stream, datagram or packet. */
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "trigger.h"

static int type_named(const char* name) {
  if (strcmp(name, "stream") == 0) return SOCK_STREAM;
  return strcmp(name, "packet") == 0 ? SOCK_SEQPACKET : SOCK_DGRAM;
}

int main(int argc, char** argv) {
  uint64_t bytes;
  int ends[2];

  need(argc, 4, "unix_relay PATH BYTES TYPE");
  bytes = strtoull(argv[2], NULL, 10);
  check(socketpair(AF_UNIX, type_named(argv[3]), 0, ends) == 0, "socketpair");
  if (fork() == 0) {
    close(ends[1]);
    read_blocks(ends[0], bytes);
    return 0;
  }
  close(ends[0]);
  read_blocks(open_file(argv[1], O_RDONLY), bytes);
  step("read");
  write_blocks(ends[1], bytes);
  wait(NULL);
  step("relayed");
  return 0;
}
