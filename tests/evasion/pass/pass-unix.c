/* Through a unix stream socket between two programs; the sender is the listener. */
#include "../tools/unix.h"

int main(int argc, char** argv) {
  int there;
  pid_t sender;

  if (argc > 1) {
    send_descriptor(accept_unix(argv[2]));
    return 0;
  }
  sender = start_role("sender", in_work("line"));
  there = reach_unix(in_work("line"));
  pump(open_model(), there);
  close(there);
  reap(sender);
  return 0;
}
