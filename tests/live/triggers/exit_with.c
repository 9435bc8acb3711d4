/* Ends with the status that it is told. */
#include "trigger.h"

int main(int argc, char** argv) {
  need(argc, 2, "exit_with STATUS");
  return atoi(argv[1]);
}
