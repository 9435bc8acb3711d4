/* Reads a file and hands it through a pipe to a child that never saw the file. */
#include <sys/wait.h>

#include "trigger.h"

int main(int argc, char** argv) {
  uint64_t bytes;
  int ends[2];

  need(argc, 3, "pipe_relay PATH BYTES");
  bytes = strtoull(argv[2], NULL, 10);
  check(pipe(ends) == 0, "pipe");
  if (fork() == 0) {
    close(ends[1]);
    read_blocks(ends[0], bytes);
    return 0;
  }
  close(ends[0]);
  read_blocks(open_file(argv[1], O_RDONLY), bytes);
  step("read"); /* the test waits here for escalation */
  write_blocks(ends[1], bytes);
  wait(NULL);
  step("relayed");
  return 0;
}
