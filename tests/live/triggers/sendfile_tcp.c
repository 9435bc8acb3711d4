/* Sends a whole file with sendfile(2), as fast as it goes. */
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "socket.h"

int main(int argc, char** argv) {
  struct stat st;
  off_t at = 0;
  int file, fd;

  need(argc, 4, "sendfile_tcp IP PORT PATH");
  file = open_file(argv[3], O_RDONLY);
  check(fstat(file, &st) == 0, "fstat");
  fd = connect_to(SOCK_STREAM, argv[1], argv[2]);
  while (at < st.st_size) check(sendfile(fd, file, &at, 1 << 20) > 0, "sendfile");
  step("sent");
  return 0;
}
