/* Reads a range of a file with pread(2), in one piece or in many. */
#include "trigger.h"

int main(int argc, char** argv) {
  size_t length, piece;
  off_t offset;
  char* block;
  int fd;

  need(argc, argc == 5 ? 5 : 4, "read_file PATH OFFSET LENGTH [PIECE]");
  fd = open_file(argv[1], O_RDONLY);
  offset = strtol(argv[2], NULL, 10);
  length = strtoul(argv[3], NULL, 10);
  piece = argc > 4 ? strtoul(argv[4], NULL, 10) : length;
  block = malloc(piece);
  for (size_t at = 0; at < length; at += piece) check(pread(fd, block, piece, offset + (off_t)at) >= 0, "pread");
  step("read");
  return 0;
}
