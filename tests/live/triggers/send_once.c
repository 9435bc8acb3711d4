/* Reads a file, then sends all of it with one call. */
#include <sys/stat.h>

#include "socket.h"

int main(int argc, char** argv) {
  struct stat st;
  char* data;
  int file, fd;

  need(argc, 4, "send_once IP PORT PATH");
  file = open_file(argv[3], O_RDONLY);
  check(fstat(file, &st) == 0, "fstat");
  data = malloc((size_t)st.st_size);
  for (off_t done = 0; done < st.st_size;) {
    ssize_t n = read(file, data + done, (size_t)(st.st_size - done));

    check(n > 0, "read");
    done += n;
  }
  step("read");
  fd = connect_to(SOCK_STREAM, argv[1], argv[2]);
  check(send(fd, data, (size_t)st.st_size, 0) == st.st_size, "send");
  return 0;
}
