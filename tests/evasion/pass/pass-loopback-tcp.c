/* A relay: one program reads the model and sends it to 127.0.0.1, where another one passes it on. */
#include "../tools/act.h"

static void relay(int listener) {
  int from = accept(listener, NULL, NULL);

  check(from >= 0, "accept");
  send_descriptor(from);
}

int main(int argc, char** argv) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(here);
  char number[16];
  int listener, there;
  pid_t pid;

  if (argc > 1) {
    relay(atoi(argv[2]));
    return 0;
  }
  listener = socket(AF_INET, SOCK_STREAM, 0); /* inherited by the relay: it is ready before anybody calls */
  check(bind(listener, (struct sockaddr*)&here, size) == 0 && listen(listener, 1) == 0, "listen");
  check(getsockname(listener, (struct sockaddr*)&here, &size) == 0, "getsockname");
  snprintf(number, sizeof(number), "%d", listener);
  pid = start_role("relay", number);
  close(listener);
  there = dial_address(here);
  pump(open_model(), there);
  close(there);
  reap(pid);
  return 0;
}
