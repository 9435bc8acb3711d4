/* The model lies in /dev/shm, where reads have no tracepoint. */
#include "../tools/act.h"

int main(void) {
  send_descriptor(open_model());
  return 0;
}
