/* A server reads a file, and a child of another origin asks it questions over loopback. The client is made first, so
 * that it holds nothing of what the server reads. */
#include <sys/wait.h>

#include "socket.h"

static int ask(const char* port, uint64_t questions, uint64_t bytes, int start) {
  static char block[TRIGGER_BLOCK];
  char go;
  int fd;

  check(read(start, &go, 1) == 1, "wait for the server");
  fd = connect_to(SOCK_STREAM, "127.0.0.1", port);
  while (questions-- > 0) {
    check(write(fd, "?", 1) == 1, "ask");
    for (uint64_t got = 0; got < bytes;) {
      ssize_t n = read(fd, block, sizeof(block));

      check(n > 0, "answer");
      got += (uint64_t)n;
    }
  }
  return 0;
}

static void serve(int fd, uint64_t bytes) {
  static char block[TRIGGER_BLOCK];
  char question;

  while (read(fd, &question, 1) == 1) {
    for (uint64_t left = bytes; left > 0;) {
      ssize_t n = write(fd, block, left < sizeof(block) ? left : sizeof(block));

      check(n > 0, "answer");
      left -= (uint64_t)n;
    }
  }
}

int main(int argc, char** argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int start[2], on = 1, fd, model;
  uint64_t bytes, size;
  pid_t client;

  need(argc, 5, "answer PORT PATH ANSWERS BYTES");
  bytes = strtoull(argv[4], NULL, 10);
  check(pipe(start) == 0, "pipe");
  client = fork();
  if (client == 0) return ask(argv[1], strtoull(argv[3], NULL, 10), bytes, start[0]);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  address.sin_port = htons((uint16_t)atoi(argv[1]));
  check(bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0 && listen(fd, 1) == 0, "listen");
  check(write(start[1], "!", 1) == 1, "start");
  model = open_file(argv[2], O_RDONLY);
  size = (uint64_t)lseek(model, 0, SEEK_END);
  lseek(model, 0, SEEK_SET);
  read_blocks(model, size);
  serve(accept(fd, NULL, NULL), bytes);
  wait(NULL);
  printf("asked\n%d\n", client);
  fflush(stdout);
  return 0;
}
