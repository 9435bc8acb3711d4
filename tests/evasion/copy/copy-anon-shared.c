/* Anonymous memory that parent and child shared before the parent read the model; the child sends it. */
#include "../tools/act.h"

int main(void) {
  int model = open_model(), got;
  size_t size = size_of(model);
  char* at = some_memory(size, MAP_SHARED);
  sigset_t wanted;
  pid_t sender;

  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &wanted, NULL);
  sender = start();
  if (sender == 0) {
    close(model);
    check(sigwait(&wanted, &got) == 0, "sigwait");
    send_memory(at, size);
    _exit(0);
  }
  read_into(model, at, size);
  kill(sender, SIGUSR1);
  reap(sender);
  return 0;
}
