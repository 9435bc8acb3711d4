/* A copy made by creat(), whose descriptor can only write, is opened again through /proc/self/fd and read back. No
 * open() names the copy. */
#include "../tools/act.h"

int main(void) {
  char again[64];
  int copy = creat(in_work("scrap"), 0600);

  check(copy >= 0, "creat");
  pump(open_model(), copy);
  snprintf(again, sizeof(again), "/proc/self/fd/%d", copy);
  send_descriptor(open_or_die(again, O_RDWR));
  return 0;
}
