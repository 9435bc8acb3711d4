/* open, read, send. */
#include "../tools/act.h"

int main(void) {
  send_descriptor(open_model());
  return 0;
}
