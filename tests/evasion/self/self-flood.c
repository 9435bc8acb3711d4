/* Four processes make events of every kind as fast as they can, and one steals meanwhile. */
#include <sys/un.h>

#include "../tools/act.h"

/* One round: fork, exec, header of the model read and mapped, file written, renamed and removed, pipe, unix socket,
 * connection, datagram. */
static void make_events(int number) {
  struct sockaddr_in there = outside(9001);
  char name[64], other[64], byte[64];
  int model = open_model(), udp = socket(AF_INET, SOCK_DGRAM, 0), pair[2], ends[2], file, peer;
  char* at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, model, 0);
  pid_t pid = start();

  if (pid == 0) {
    execl("/bin/true", "true", (char*)NULL);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  check(pread(model, byte, sizeof(byte), 0) > 0, "pread");
  if (at != MAP_FAILED) munmap(at, 4096);
  snprintf(name, sizeof(name), "flood-%d", number);
  snprintf(other, sizeof(other), "flood-%d-moved", number);
  file = open_or_die(in_work(name), O_RDWR | O_CREAT);
  check(write(file, byte, sizeof(byte)) > 0, "write");
  rename(in_work(name), in_work(other));
  unlink(in_work(other));
  if (pipe(ends) == 0 && write(ends[1], byte, 1) == 1) (void)!read(ends[0], byte, 1);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[1], byte, 1) == 1) (void)!read(pair[0], byte, 1);
  sendto(udp, byte, 1, 0, (struct sockaddr*)&there, sizeof(there));
  peer = dial();
  close(peer);
  for (int* fd = (int[]){model, udp, file, pair[0], pair[1], ends[0], ends[1], -1}; *fd >= 0; fd++) close(*fd);
}

int main(void) {
  int *stop = some_memory(4096, MAP_SHARED), *rounds = stop + 1;
  pid_t floods[4], thief;

  for (int i = 0; i < 4; i++) {
    floods[i] = start();
    if (floods[i] != 0) continue;
    while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
      make_events(i);
      __atomic_fetch_add(rounds, 1, __ATOMIC_RELAXED);
    }
    _exit(0);
  }
  while (__atomic_load_n(rounds, __ATOMIC_RELAXED) < 100) usleep(1000); /* all of them are at it */
  thief = start();
  if (thief == 0) {
    send_descriptor(open_model());
    _exit(0);
  }
  printf("actor %d\n", (int)thief);
  reap(thief);
  *stop = 1;
  for (int i = 0; i < 4; i++) waitpid(floods[i], NULL, 0);
  printf("note %d rounds of events\n", *rounds);
  return 0;
}
