/* Reads the start of a file, connects, and lets a child send as many bytes by the socket that both have. */
#include <signal.h>
#include <sys/wait.h>

#include "socket.h"

int main(int argc, char** argv) {
  uint64_t bytes;
  int fd, done[2];
  char byte = 0;
  pid_t child;

  need(argc, 5, "send_shared IP PORT PATH BYTES");
  bytes = strtoull(argv[4], NULL, 10);
  check(pipe(done) == 0, "pipe");
  read_blocks(open_file(argv[3], O_RDONLY), bytes);
  fd = connect_to(SOCK_STREAM, argv[1], argv[2]);
  step("connected");
  child = fork();
  if (child == 0) {
    write_blocks(fd, bytes);
    check(write(done[1], &byte, 1) == 1, "tell");
    pause(); /* the socket stays shared while the test looks */
  }
  check(read(done[0], &byte, 1) == 1, "wait");
  step("sent");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}
