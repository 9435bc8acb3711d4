/* The same through a pair of unix sockets. */
#include <sys/socket.h>
#include <sys/wait.h>

#include "trigger.h"

int main(int argc, char** argv) {
  uint64_t bytes;
  int ends[2];

  need(argc, 3, "unix_relay PATH BYTES");
  bytes = strtoull(argv[2], NULL, 10);
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
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
