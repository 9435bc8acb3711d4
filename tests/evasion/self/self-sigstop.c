/* The whole theft happens while the agent is stopped: the runner stops it before and lets it go on after. */
#include "../tools/act.h"

int main(void) {
  send_descriptor(open_model());
  return 0;
}
