/* Into a memfd; a helper that is executed with the descriptor sends it. */
#include "../tools/act.h"

int main(int argc, char** argv) {
  int copy;
  char number[16];

  if (argc > 1) {
    copy = atoi(argv[2]);
    check(lseek(copy, 0, SEEK_SET) == 0, "lseek");
    send_descriptor(copy);
    return 0;
  }
  copy = memfd_create("cache", 0);
  check(copy >= 0, "memfd_create");
  pump(open_model(), copy);
  snprintf(number, sizeof(number), "%d", copy);
  reap(start_role("sender", number));
  return 0;
}
