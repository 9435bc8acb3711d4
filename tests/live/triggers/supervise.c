/* Runs a child that reads a file's head, logs, reads the whole file, and says so in lines of 100 bytes; then sends
 * 8 MiB of its own by TCP. */
#include <sys/wait.h>

#include "socket.h"

static void work(int to, const char* path, uint64_t bytes, uint64_t log_bytes, uint64_t lines) {
  char line[100] = {'.'};

  read_blocks(open_file(path, O_RDONLY), 4096);
  write_blocks(to, log_bytes);
  read_blocks(open_file(path, O_RDONLY), bytes);
  step("read");
  for (; lines > 0; lines--) check(write(to, line, sizeof(line)) == sizeof(line), "write");
  exit(0);
}

int main(int argc, char** argv) {
  static char block[TRIGGER_BLOCK];
  int ends[2], fd;

  need(argc, 8, "supervise CHANNEL PATH BYTES LOG_BYTES LINES IP PORT");
  if (strcmp(argv[1], "unix") == 0)
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  else
    check(pipe(ends) == 0, "pipe");
  if (fork() == 0) {
    close(ends[0]);
    work(ends[1], argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
  }
  close(ends[1]);
  while (read(ends[0], block, sizeof(block)) > 0) {
  }
  wait(NULL);
  fd = connect_to(SOCK_STREAM, argv[6], argv[7]);
  write_blocks(fd, 8 << 20);
  step("sent");
  return 0;
}
