/* System V shared memory: one program fills it, another one, which was started before, sends it. */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "../tools/act.h"

static char* attach(int id) {
  char* at = shmat(id, NULL, 0);

  check(at != (char*)-1, "shmat");
  return at;
}

static void sender(int id) {
  struct shmid_ds state;
  char* at = attach(id);
  sigset_t wanted;
  int got;

  check(shmctl(id, IPC_STAT, &state) == 0, "shmctl");
  check(shmctl(id, IPC_RMID, NULL) == 0, "shmctl"); /* goes when both have let go, whatever ends them */
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  check(sigwait(&wanted, &got) == 0, "sigwait");
  send_memory(at, state.shm_segsz);
}

int main(int argc, char** argv) {
  int model, id;
  char* at;
  char number[16];
  sigset_t wanted;
  pid_t pid;

  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &wanted, NULL); /* kept over exec: a word that comes early waits */
  if (argc > 1) {
    sender(atoi(argv[2]));
    return 0;
  }
  model = open_model();
  id = shmget(IPC_PRIVATE, size_of(model), IPC_CREAT | 0600);
  check(id >= 0, "shmget");
  at = attach(id);
  snprintf(number, sizeof(number), "%d", id);
  pid = start_role("sender", number);
  read_into(model, at, size_of(model));
  kill(pid, SIGUSR1);
  reap(pid);
  return 0;
}
