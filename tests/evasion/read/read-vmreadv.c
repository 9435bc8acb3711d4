/* The model as the server holds it: by process_vm_readv. */
#include <sys/uio.h>

#include "../tools/memory.h"

int main(void) {
  struct range range = largest_anonymous(server());
  static char piece[PIECE];
  int peer = dial();

  for (uint64_t at = 0; at < range.size; at += PIECE) {
    struct iovec here = {piece, PIECE};
    struct iovec there = {(void*)(uintptr_t)(range.start + at), range.size - at < PIECE ? range.size - at : PIECE};
    ssize_t n = process_vm_readv(server(), &here, 1, &there, 1, 0);

    check(n > 0, "process_vm_readv");
    write_all(peer, piece, (size_t)n);
  }
  hang_up(peer);
  return 0;
}
