/* The model as the server holds it: word by word with PTRACE_PEEKDATA. A quarter of it, since each word is a call. */
#include <sys/ptrace.h>

#include "../tools/memory.h"

int main(void) {
  struct range range = largest_anonymous(server());
  static long words[PIECE / sizeof(long)];
  int peer = dial();

  check(ptrace(PTRACE_ATTACH, server(), NULL, NULL) == 0, "PTRACE_ATTACH");
  check(waitpid(server(), NULL, __WALL) == server(), "waitpid");
  for (uint64_t at = 0; at + PIECE <= range.size / 4; at += PIECE) {
    for (size_t i = 0; i < PIECE / sizeof(long); i++) {
      errno = 0;
      words[i] = ptrace(PTRACE_PEEKDATA, server(), (void*)(uintptr_t)(range.start + at + i * sizeof(long)), NULL);
      check(errno == 0, "PTRACE_PEEKDATA");
    }
    write_all(peer, words, PIECE);
  }
  check(ptrace(PTRACE_DETACH, server(), NULL, NULL) == 0, "PTRACE_DETACH");
  hang_up(peer);
  return 0;
}
