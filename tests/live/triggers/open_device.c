/* Opens a device node. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 2, "open_device PATH");
  open_file(argv[1], O_RDWR | O_NOCTTY);
  step("opened");
  return 0;
}
