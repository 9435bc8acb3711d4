/* The first thread reads the model into pipes that together hold all of it; the second thread executes the sender. The
 * first thread's task is gone then, with all that hung on it. */
#include <pthread.h>

#include "../tools/act.h"

#define ROOM (1u << 20) /* what a pipe may hold without privilege */
#define PIPES 64

static int count, ends[PIPES];

static void* become_sender(void* unused) {
  char number[16];

  snprintf(number, sizeof(number), "%d", count);
  execl("/proc/self/exe", "sender", "sender", number, (char*)NULL);
  check(0, "exec");
  return unused;
}

/* The pipes' descriptors follow each other from `first` on. */
static void send_pipes(int first, int number) {
  int peer = dial();

  for (int i = 0; i < number; i++) pump(first + i, peer);
  hang_up(peer);
}

static void fill_pipes(int model) {
  static char piece[PIECE];

  for (size_t left = size_of(model); left > 0; count++) {
    size_t room = left < ROOM ? left : ROOM;
    int both[2];

    check(count < PIPES && pipe(both) == 0, "pipe");
    check(fcntl(both[1], F_SETPIPE_SZ, ROOM) >= (int)ROOM, "F_SETPIPE_SZ");
    ends[count] = both[0];
    for (left -= room; room > 0;) {
      size_t n = room < PIECE ? room : PIECE;

      read_into(model, piece, n);
      write_all(both[1], piece, n);
      room -= n;
    }
    close(both[1]);
  }
}

int main(int argc, char** argv) {
  int model;
  pthread_t second;

  if (argc > 1) {
    send_pipes(100, atoi(argv[2]));
    return 0;
  }
  model = open_model();
  fill_pipes(model);
  close(model);
  for (int i = 0; i < count; i++) check(dup2(ends[i], 100 + i) >= 0 && close(ends[i]) == 0, "dup2");
  check(pthread_create(&second, NULL, become_sender, NULL) == 0, "pthread_create");
  for (;;) pause();
}
