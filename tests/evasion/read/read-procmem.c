/* The model as the server holds it: read from /proc/PID/mem. */
#include "../tools/memory.h"

int main(void) {
  struct range range = largest_anonymous(server());
  static char piece[PIECE];
  char path[64];
  int memory, peer = dial();

  snprintf(path, sizeof(path), "/proc/%d/mem", (int)server());
  memory = open_or_die(path, O_RDONLY);
  for (uint64_t at = 0; at < range.size; at += PIECE) {
    ssize_t n = pread(memory, piece, PIECE, (off_t)(range.start + at));

    check(n > 0, "pread of /proc/PID/mem");
    write_all(peer, piece, (size_t)n);
  }
  hang_up(peer);
  return 0;
}
