/* Exchanges the names of two files. */
#define _GNU_SOURCE
#include <stdio.h>

#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 3, "exchange A B");
  check(renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0, "renameat2");
  return 0;
}
