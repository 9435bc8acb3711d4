/* POSIX shared memory: one program fills it, another one, which was started before, sends it. */
#include "../tools/act.h"

#define NAME "/tw-evasion-shm"

static char* map_shared(size_t size, int flags) {
  int fd = shm_open(NAME, O_RDWR | flags, 0600);
  char* at;

  check(fd >= 0, "shm_open");
  if (flags & O_CREAT) check(ftruncate(fd, (off_t)size) == 0, "ftruncate");
  at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(at != MAP_FAILED, "mmap");
  close(fd);
  return at;
}

/* Waits for the word that all is there: a signal, so that nothing else connects the two. */
static void sender(size_t size) {
  char* at = map_shared(size, 0);
  sigset_t wanted;
  int got;

  shm_unlink(NAME);
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  check(sigwait(&wanted, &got) == 0, "sigwait");
  send_memory(at, size);
}

int main(int argc, char** argv) {
  int model;
  size_t size;
  char* at;
  char number[32];
  sigset_t wanted;
  pid_t pid;

  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &wanted, NULL); /* kept over exec: a word that comes early waits */
  if (argc > 1) {
    sender(strtoul(argv[2], NULL, 10));
    return 0;
  }
  model = open_model();
  size = size_of(model);
  at = map_shared(size, O_CREAT | O_EXCL);
  snprintf(number, sizeof(number), "%zu", size);
  pid = start_role("sender", number);
  read_into(model, at, size);
  kill(pid, SIGUSR1);
  reap(pid);
  return 0;
}
