/* Speaks to a device node as a program would to NVIDIA's control node: makes a client, reads another's memory as a
 * debugger does, and copies another's object, wrapped. Whatever the node answers. */
#include <string.h>
#include <sys/ioctl.h>

#include "trigger.h"

#define NVIDIA_REQUEST(number, size) (0xc0004600u | (unsigned)(size) << 16 | (number))

struct alloc {
  uint32_t root, parent, object, class;
  uint64_t parameters, rights;
  uint32_t size, flags, status, pad;
};
struct control {
  uint32_t client, object, command, flags;
  uint64_t parameters;
  uint32_t size, status;
};
struct read_memory {
  uint32_t memory, length;
  uint64_t offset, buffer;
};
struct duplicate {
  uint32_t client, parent, object, source, source_object, flags, status;
};
struct wrapped {
  uint32_t number, size;
  uint64_t argument;
};

int main(int argc, char** argv) {
  struct alloc alloc = {.class = 0x41};
  struct read_memory read = {.memory = 1, .length = 4096};
  struct control control = {
      .client = 0xc1d00001, .object = 5, .command = 0x83de0315, .parameters = (uintptr_t)&read, .size = sizeof(read)};
  struct duplicate duplicate = {.client = 0xc1d00001, .source = 0xc1d00002};
  struct wrapped wrapped = {.number = 0x34, .size = sizeof(duplicate), .argument = (uintptr_t)&duplicate};
  int fd;

  need(argc, 2, "call_driver PATH");
  fd = open_file(argv[1], O_RDWR);
  step("opened");
  ioctl(fd, NVIDIA_REQUEST(0x2b, sizeof(alloc)), &alloc);
  ioctl(fd, NVIDIA_REQUEST(0x2a, sizeof(control)), &control);
  ioctl(fd, NVIDIA_REQUEST(0xd3, sizeof(wrapped)), &wrapped);
  step("called");
  return 0;
}
