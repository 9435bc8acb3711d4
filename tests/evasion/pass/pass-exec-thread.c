/* The first thread reads the model into a pipe that is large enough for all of it; the second thread executes the
 * sender. The first thread's task is gone then, with all that hung on it. */
#include <pthread.h>

#include "../tools/act.h"

static int ends[2];

static void* become_sender(void* unused) {
  char number[16];

  snprintf(number, sizeof(number), "%d", ends[0]);
  close(ends[1]);
  execl("/proc/self/exe", "sender", "sender", number, (char*)NULL);
  check(0, "exec");
  return unused;
}

int main(int argc, char** argv) {
  int model;
  pthread_t second;

  if (argc > 1) {
    send_descriptor(atoi(argv[2]));
    return 0;
  }
  model = open_model();
  check(pipe(ends) == 0, "pipe");
  check(fcntl(ends[1], F_SETPIPE_SZ, (int)(2 * size_of(model))) > 0, "F_SETPIPE_SZ");
  pump(model, ends[1]);
  close(model);
  check(pthread_create(&second, NULL, become_sender, NULL) == 0, "pthread_create");
  for (;;) pause();
}
