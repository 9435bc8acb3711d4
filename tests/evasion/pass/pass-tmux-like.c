/* A multiplexer that lives since before the theft: it has a shell on a pty and passes what that prints to the client on
 * its unix socket. The client tells the shell to print the model, and sends what comes. Nobody but cat opens the model.
 */
#include <pty.h>
#include <sys/poll.h>
#include <termios.h>
#include <utmp.h>

#include "../tools/unix.h"

static int start_shell(void) {
  struct termios raw;
  int master, pane;
  pid_t shell;

  check(openpty(&master, &pane, NULL, NULL, NULL) == 0, "openpty");
  tcgetattr(pane, &raw);
  cfmakeraw(&raw);
  tcsetattr(pane, TCSANOW, &raw);
  shell = start();
  if (shell == 0) {
    close(master);
    login_tty(pane);
    execl("/bin/sh", "sh", (char*)NULL);
    _exit(127);
  }
  close(pane);
  return master;
}

static void multiplex(int listener) {
  static char piece[PIECE];
  int master = start_shell(), client = accept(listener, NULL, NULL);
  struct pollfd both[2] = {{.fd = master, .events = POLLIN}, {.fd = client, .events = POLLIN}};

  for (;;) {
    check(poll(both, 2, -1) > 0, "poll");
    for (int i = 0; i < 2; i++) {
      ssize_t n = both[i].revents ? read(both[i].fd, piece, sizeof(piece)) : -1;

      if (both[i].revents && n <= 0) _exit(0); /* the shell or the client has gone */
      if (n > 0) write_all(both[1 - i].fd, piece, (size_t)n);
    }
  }
}

static void client(const char* path) {
  char command[PATH_MAX + 64];
  int there = reach_unix(path);

  snprintf(command, sizeof(command), "exec cat '%s'\n", env("EV_MODEL"));
  write_all(there, command, strlen(command));
  send_descriptor(there);
}

int main(int argc, char** argv) {
  pid_t server, user;

  if (argc > 1 && strcmp(argv[1], "client") == 0) {
    client(argv[2]);
    return 0;
  }
  if (argc > 1) multiplex(listen_unix(argv[2]));
  server = start_role("multiplexer", in_work("tmux"));
  user = start_role("client", in_work("tmux"));
  reap(user);
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  return 0;
}
