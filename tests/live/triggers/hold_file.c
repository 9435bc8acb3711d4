/* Reads a file into memory and says where it lies. */
#include "trigger.h"

int main(int argc, char** argv) {
  uint64_t bytes, done;
  char where[64];
  char* data;
  int fd;

  need(argc, 3, "hold_file PATH BYTES");
  bytes = strtoull(argv[2], NULL, 10);
  data = malloc(bytes);
  fd = open_file(argv[1], O_RDONLY);
  for (done = 0; done < bytes;) {
    ssize_t n = read(fd, data + done, bytes - done);

    check(n > 0, "read");
    done += (uint64_t)n;
  }
  snprintf(where, sizeof(where), "%p", (void*)data);
  step(where);
  return 0;
}
