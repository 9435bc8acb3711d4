/* Reads a file into memory and dies of SIGABRT, with a core file in the folder that it is given. */
#include <sys/resource.h>

#include "trigger.h"

int main(int argc, char** argv) {
  struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  uint64_t bytes, done;
  char* data;
  int fd;

  need(argc, 4, "dump_core FOLDER PATH BYTES");
  check(chdir(argv[1]) == 0 && setrlimit(RLIMIT_CORE, &all) == 0, argv[1]);
  bytes = strtoull(argv[3], NULL, 10);
  data = malloc(bytes);
  fd = open_file(argv[2], O_RDONLY);
  for (done = 0; done < bytes;) {
    ssize_t n = read(fd, data + done, bytes - done);

    check(n > 0, "read");
    done += (uint64_t)n;
  }
  step("read");
  abort();
}
