/* Opens and closes a file as often as it can. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 3, "open_often PATH TIMES");
  for (long left = atol(argv[2]); left > 0; left--) close(open_file(argv[1], O_RDONLY));
  step("opened");
  return 0;
}
