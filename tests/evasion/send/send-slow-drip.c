/* One percent of the model at a time, each by a connection of its own. The pauses stand for hours: a hundred steps are
 * days. */
#include "../tools/act.h"

#define PAUSE_US 30000

int main(void) {
  int model = open_model();
  size_t size = size_of(model), share = size / 100 + 1;
  char* piece = some_memory(share, MAP_PRIVATE);

  for (size_t at = 0; at < size; at += share) {
    ssize_t n = pread(model, piece, share, (off_t)at);

    check(n > 0, "pread");
    send_memory(piece, (size_t)n);
    usleep(PAUSE_US);
  }
  return 0;
}
