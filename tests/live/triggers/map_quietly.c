/* Maps a whole file in one of several ways, and touches none of it: plain, fixed, compat (a call of 32-bit programs).
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "trigger.h"

#ifdef __x86_64__
/* mmap2, number 192 of the 32-bit table; callable from 64-bit code too. */
static long map_compat(int fd, long length) {
  long result;

  __asm__ volatile("push %%rbp; xor %%ebp, %%ebp; int $0x80; pop %%rbp"
                   : "=a"(result)
                   : "a"(192L), "b"(0L), "c"(length), "d"((long)PROT_READ), "S"((long)MAP_SHARED), "D"((long)fd)
                   : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}
#endif

int main(int argc, char** argv) {
  void* place = NULL;
  struct stat st;
  int fd, flags = MAP_SHARED;

  need(argc, 3, "map_quietly plain|fixed|compat PATH");
  fd = open_file(argv[2], O_RDONLY);
  check(fstat(fd, &st) == 0, "fstat");
#ifdef __x86_64__
  if (strcmp(argv[1], "compat") == 0) {
    long result = map_compat(fd, st.st_size);

    check(result > 0 || result < -4095, "mmap2");
    step("mapped");
    return 0;
  }
#endif
  if (strcmp(argv[1], "fixed") == 0) {
    place = mmap(NULL, st.st_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    flags |= MAP_FIXED;
  }
  check(mmap(place, st.st_size, PROT_READ, flags, fd, 0) != MAP_FAILED, "mmap");
  step("mapped");
  return 0;
}
