/* Reads a file and hands it, in slices, to a child that never saw it and sends it on by TCP. The channel:
 *   pipe, unix, tcp: made before the file is read; fifo, named, late-tcp: opened after (tcp: on loopback);
 *   heir: a pipe of a process that read the file's head only; a child of it reads the rest and writes. */
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "socket.h"

static void send_all(int fd, const char* data, uint64_t bytes) {
  while (bytes > 0) {
    ssize_t n = write(fd, data, bytes);

    check(n > 0, "write");
    data += n;
    bytes -= (uint64_t)n;
  }
}

static void forward(int from, int to) {
  static char block[TRIGGER_BLOCK];
  ssize_t n;

  while ((n = read(from, block, sizeof(block))) > 0) send_all(to, block, (uint64_t)n);
  check(n == 0, "read");
  exit(0);
}

static struct sockaddr_in6 loopback(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

  address.sin6_port = htons(18447);
  return address;
}

static int listen_tcp(void) {
  struct sockaddr_in6 address = loopback();
  int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1;

  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  check(bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0 && listen(fd, 1) == 0, "listen");
  return fd;
}

static int connect_tcp(void) {
  struct sockaddr_in6 address = loopback();
  int fd = socket(AF_INET6, SOCK_STREAM, 0);

  check(connect(fd, (struct sockaddr*)&address, sizeof(address)) == 0, "connect");
  return fd;
}

static struct sockaddr_un name_of(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  snprintf(address.sun_path, sizeof(address.sun_path), "%s.sock", path);
  return address;
}

/* The end to write to; the other is with a child that forwards. */
static int open_channel(const char* channel, const char* path, int to) {
  struct sockaddr_un address = name_of(path);
  int ends[2] = {-1, -1};
  char fifo[512];

  snprintf(fifo, sizeof(fifo), "%s.fifo", path);
  if (strcmp(channel, "unix") == 0) {
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  } else if (strcmp(channel, "named") == 0) {
    ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    check(bind(ends[0], (struct sockaddr*)&address, sizeof(address)) == 0 && listen(ends[0], 1) == 0, "listen");
  } else if (strcmp(channel, "tcp") == 0 || strcmp(channel, "late-tcp") == 0) {
    ends[0] = listen_tcp();
    if (strcmp(channel, "tcp") == 0) ends[1] = connect_tcp();
  } else if (strcmp(channel, "fifo") == 0) {
    check(mkfifo(fifo, 0600) == 0, "mkfifo");
  } else {
    check(pipe(ends) == 0, "pipe");
  }
  if (strcmp(channel, "heir") == 0) read_blocks(open_file(path, O_RDONLY), 4096);
  if (fork() == 0) {
    if (ends[1] >= 0) close(ends[1]);
    if (strcmp(channel, "named") == 0 || strstr(channel, "tcp")) ends[0] = accept(ends[0], NULL, NULL);
    if (strcmp(channel, "fifo") == 0) ends[0] = open_file(fifo, O_RDONLY);
    forward(ends[0], to);
  }
  if (ends[0] >= 0) close(ends[0]);
  return ends[1];
}

static int open_late(const char* channel, const char* path) {
  struct sockaddr_un address = name_of(path);
  char fifo[512];
  int fd;

  snprintf(fifo, sizeof(fifo), "%s.fifo", path);
  if (strcmp(channel, "fifo") == 0) return open_file(fifo, O_WRONLY);
  if (strcmp(channel, "late-tcp") == 0) return connect_tcp();
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  check(connect(fd, (struct sockaddr*)&address, sizeof(address)) == 0, "connect");
  return fd;
}

int main(int argc, char** argv) {
  uint64_t bytes, slice, done;
  char* data;
  int out, to, fd;

  need(argc, 7, "relay CHANNEL SLICE PATH BYTES IP PORT");
  slice = strtoull(argv[2], NULL, 10);
  bytes = strtoull(argv[4], NULL, 10);
  data = malloc(bytes);
  to = connect_to(SOCK_STREAM, argv[5], argv[6]);
  out = open_channel(argv[1], argv[3], to);
  if (strcmp(argv[1], "heir") != 0 || fork() == 0) {
    close(to);
    fd = open_file(argv[3], O_RDONLY);
    for (done = 0; done < bytes;) {
      ssize_t n = read(fd, data + done, bytes - done);

      check(n > 0, "read");
      done += (uint64_t)n;
    }
    step("read"); /* the test waits here for escalation */
    if (out < 0) out = open_late(argv[1], argv[3]);
    for (done = 0; done < bytes; done += slice) send_all(out, data + done, bytes - done < slice ? bytes - done : slice);
    if (strcmp(argv[1], "heir") == 0) return 0;
  }
  close(to);
  close(out);
  while (wait(NULL) > 0) {
  }
  step("relayed");
  return 0;
}
