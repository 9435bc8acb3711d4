/* A warm file of 2-MiB folios: each process maps one extent, where one fault maps the whole folio and page-fault
 * tracepoints stay silent. */
#include "../tools/act.h"

#define HUGE (2ul << 20)

/* What the kernel says of the mapping: how much of it hangs on 2-MiB entries. */
static unsigned long pmd_mapped_kib(const void* at) {
  char line[256];
  unsigned long start, kib = 0;
  int here = 0;
  FILE* smaps = fopen("/proc/self/smaps", "re");

  check(smaps != NULL, "smaps");
  while (fgets(line, sizeof(line), smaps) != NULL) {
    if (sscanf(line, "%lx-%*x ", &start) == 1 && strstr(line, "kB") == NULL) here = start == (unsigned long)at;
    if (here && sscanf(line, "FilePmdMapped: %lu", &kib) == 1) break;
  }
  fclose(smaps);
  return kib;
}

static void steal_extent(int fd, off_t offset, size_t size, unsigned long* huge_kib) {
  char* room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char* at = (char*)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));

  check(room != MAP_FAILED, "mmap");
  at = mmap(at, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, offset);
  check(at != MAP_FAILED, "mmap of an extent");
  (void)*(volatile char*)at;
  __atomic_fetch_add(huge_kib, pmd_mapped_kib(at), __ATOMIC_RELAXED);
  send_memory(at, size);
}

int main(void) {
  int fd = open_model();
  size_t size = size_of(fd);
  unsigned long* huge_kib = some_memory(4096, MAP_SHARED);

  for (size_t at = 0; at < size; at += HUGE) {
    pid_t pid = start();

    if (pid == 0) {
      steal_extent(fd, (off_t)at, size - at < HUGE ? size - at : HUGE, huge_kib);
      _exit(0);
    }
    reap(pid);
  }
  printf("note %lu of %zu MiB mapped in folios of 2 MiB\n", *huge_kib >> 10, size >> 20);
  return *huge_kib > 0 ? 0 : CANNOT;
}
