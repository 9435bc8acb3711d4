/* Mounts a FUSE file system of one file in a namespace of its own, serves it, and copies the start of a file there.
 * The server throws away what it gets. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "trigger.h"

#define FILE_NODE 2

static int made;

static void reply(int fuse, uint64_t unique, int error, const void* with, size_t size) {
  struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique};
  struct iovec parts[2] = {{&head, sizeof(head)}, {(void*)(uintptr_t)with, size}};

  check(writev(fuse, parts, 2) == (ssize_t)head.len || errno == ENOENT, "answer to the kernel");
}

static struct fuse_attr attributes(uint64_t node) {
  struct fuse_attr attr = {.ino = node, .mode = S_IFREG | 0600, .nlink = 1, .blksize = 4096};

  if (node == FUSE_ROOT_ID) attr.mode = S_IFDIR | 0700;
  return attr;
}

static void reply_entry(int fuse, uint64_t unique, int opened) {
  struct {
    struct fuse_entry_out entry;
    struct fuse_open_out open;
  } answer = {.entry = {.nodeid = FILE_NODE, .attr = attributes(FILE_NODE)}, .open = {.fh = 1}};

  reply(fuse, unique, 0, &answer, opened ? sizeof(answer) : sizeof(answer.entry));
}

static void handle(int fuse, const struct fuse_in_header* head) {
  struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
                               .minor = FUSE_KERNEL_MINOR_VERSION,
                               .flags = FUSE_BIG_WRITES,
                               .max_write = TRIGGER_BLOCK};
  struct fuse_write_out wrote = {.size = 0};
  struct fuse_attr_out attr = {.attr = attributes(head->nodeid)};

  switch (head->opcode) {
    case FUSE_INIT:
      return reply(fuse, head->unique, 0, &init, sizeof(init));
    case FUSE_LOOKUP:
      return made ? reply_entry(fuse, head->unique, 0) : reply(fuse, head->unique, -ENOENT, NULL, 0);
    case FUSE_CREATE:
      made = 1;
      return reply_entry(fuse, head->unique, 1);
    case FUSE_GETATTR:
      return reply(fuse, head->unique, 0, &attr, sizeof(attr));
    case FUSE_WRITE:
      wrote.size = ((const struct fuse_write_in*)(head + 1))->size;
      return reply(fuse, head->unique, 0, &wrote, sizeof(wrote));
    case FUSE_FLUSH:
    case FUSE_RELEASE:
      return reply(fuse, head->unique, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
      return; /* these have no answer */
    default:
      return reply(fuse, head->unique, -ENOSYS, NULL, 0);
  }
}

static void serve(int fuse) {
  static char request[TRIGGER_BLOCK + 4096];
  ssize_t n;

  while ((n = read(fuse, request, sizeof(request))) > 0 || errno == EINTR)
    if (n > 0) handle(fuse, (const struct fuse_in_header*)request);
  exit(0);
}

int main(int argc, char** argv) {
  char options[128], path[512];
  pid_t server;
  int fuse;

  need(argc, 4, "copy_to_fuse PATH BYTES FOLDER");
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) {
    step("no FUSE");
    return 0;
  }
  check(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "mount namespace");
  snprintf(options, sizeof(options), "fd=%d,rootmode=40700,user_id=0,group_id=0", fuse);
  check(mount("bucket#secret", argv[3], "fuse.bucketfs", MS_NOSUID | MS_NODEV, options) == 0, "mount");
  server = fork();
  if (server == 0) serve(fuse);
  close(fuse);
  read_blocks(open_file(argv[1], O_RDONLY), strtoull(argv[2], NULL, 10));
  step("read");
  snprintf(path, sizeof(path), "%s/holiday.avi", argv[3]);
  write_blocks(open_file(path, O_WRONLY | O_CREAT), strtoull(argv[2], NULL, 10));
  step("copied");
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  return 0;
}
