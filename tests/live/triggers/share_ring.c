/* Two processes and a ring of io_uring that the parent made before the child, and before either had opened the file.
 *   submit: the child reads the file by the parent's ring, into the parent's buffer; the parent sends as many bytes.
 *   buffer: the child registers a buffer of its own with the parent's ring, whose polling thread reads the file into
 *     it, while the parent does nothing but open it; the child sends.
 *   late: the child reads the file by a ring of its own, and then has the parent's ring do nothing; the parent sends.
 *   own: the child reads the file by a ring of its own, into its own memory; the parent sends.
 *
 * They tell each other by signals: a pipe between the two would carry the label itself. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "ring.h"
#include "socket.h"

#define PARENTS_FILE 60 /* the child cannot be told the descriptor later */

static char block[TRIGGER_BLOCK];
static const char* mode;
static char** arguments;
static int file = PARENTS_FILE;

static void wait_for(int number) {
  sigset_t set;
  int got;

  sigemptyset(&set);
  sigaddset(&set, number);
  sigaddset(&set, SIGCHLD); /* the other one failed */
  check(sigwait(&set, &got) == 0 && got == number, "sigwait");
}

static void register_block(struct ring* ring) {
  struct iovec vector = {block, sizeof(block)};

  check(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &vector, 1) == 0, "register");
}

static uint64_t read_all(struct ring* ring, int opcode) {
  uint64_t done = 0;
  int n;

  while ((n = ring_do(ring, opcode, file, block, sizeof(block), done)) > 0) done += (uint64_t)n;
  check(n == 0, "read");
  return done;
}

static void send_bytes(void) {
  write_blocks(connect_to(SOCK_STREAM, arguments[2], arguments[3]), strtoull(arguments[5], NULL, 10));
}

static void child(struct ring parents) {
  struct ring ring = parents;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  wait_for(SIGUSR1);
  if (strcmp(mode, "buffer") == 0)
    register_block(&ring);
  else
    file = open_file(arguments[4], O_RDONLY);
  if (strcmp(mode, "own") == 0 || strcmp(mode, "late") == 0) {
    ring = ring_make();
    read_all(&ring, IORING_OP_READ);
  } else {
    read_all(&ring, IORING_OP_READ_FIXED);
  }
  if (strcmp(mode, "late") == 0) ring_do(&parents, IORING_OP_NOP, -1, NULL, 0, 0);
  kill(getppid(), SIGUSR2);
  wait_for(SIGUSR1);
  if (strcmp(mode, "buffer") == 0) send_bytes();
  kill(getppid(), SIGUSR2);
  pause(); /* what it holds can be looked at */
}

int main(int argc, char** argv) {
  struct ring ring;
  char text[32];
  sigset_t set;
  pid_t pid;

  need(argc, 6, "share_ring submit|buffer|late|own IP PORT PATH BYTES");
  mode = argv[1];
  arguments = argv;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  ring = ring_make_with(strcmp(mode, "buffer") == 0 ? IORING_SETUP_SQPOLL : 0);
  if (strcmp(mode, "submit") == 0) register_block(&ring);
  pid = fork();
  check(pid >= 0, "fork");
  if (pid == 0) child(ring);
  snprintf(text, sizeof(text), "%d", pid);
  step(text);
  if (strcmp(mode, "buffer") == 0) check(dup2(open_file(argv[4], O_RDONLY), PARENTS_FILE) == PARENTS_FILE, "dup2");
  kill(pid, SIGUSR1);
  wait_for(SIGUSR2);
  step("read");
  kill(pid, SIGUSR1);
  wait_for(SIGUSR2);
  if (strcmp(mode, "buffer") != 0) send_bytes();
  step("sent");
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return 0;
}
