/* sendfile from the file to the socket: no byte comes into user space. */
#include <sys/sendfile.h>

#include "../tools/act.h"

int main(void) {
  int model = open_model(), peer = dial();

  for (size_t left = size_of(model); left > 0;) {
    ssize_t n = sendfile(peer, model, NULL, left < 1 << 20 ? left : 1 << 20);

    check(n > 0, "sendfile");
    left -= (size_t)n;
  }
  hang_up(peer);
  return 0;
}
