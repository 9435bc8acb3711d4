/* RENAME_EXCHANGE: the two files change places. */
#include "../tools/stranger.h"

int main(void) {
  const char* stranger = make_stranger();

  check(renameat2(AT_FDCWD, stranger, AT_FDCWD, env("EV_MODEL"), RENAME_EXCHANGE) == 0, "renameat2");
  return 0;
}
