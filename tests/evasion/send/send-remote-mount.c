/* cp to a mount that is not of this machine: a FUSE file system, served by a program over /dev/fuse, whose writes go to
 * the host outside. */
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/uio.h>

#include "../tools/act.h"

#define FILE_NODE 2 /* the one file that there is */

static int made;
static uint64_t length;

static struct fuse_attr attributes(uint64_t node) {
  struct fuse_attr attr = {.ino = node, .mode = S_IFREG | 0600, .nlink = 1, .size = length, .blksize = 4096};

  if (node == FUSE_ROOT_ID) attr.mode = S_IFDIR | 0700;
  return attr;
}

static void reply(int fuse, uint64_t unique, int error, const void* with, size_t size) {
  struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique};
  struct iovec parts[2] = {{&head, sizeof(head)}, {(void*)(uintptr_t)with, size}};

  check(writev(fuse, parts, 2) == (ssize_t)head.len || errno == ENOENT, "answer to the kernel");
}

static void reply_entry(int fuse, uint64_t unique, int opened) {
  struct {
    struct fuse_entry_out entry;
    struct fuse_open_out open;
  } answer = {.entry = {.nodeid = FILE_NODE, .attr = attributes(FILE_NODE)}, .open = {.fh = 1}};

  reply(fuse, unique, 0, &answer, opened ? sizeof(answer) : sizeof(answer.entry));
}

static void reply_init(int fuse, uint64_t unique, const struct fuse_init_in* in) {
  struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                              .minor = FUSE_KERNEL_MINOR_VERSION,
                              .max_readahead = in->max_readahead,
                              .flags = FUSE_BIG_WRITES,
                              .max_write = PIECE};

  reply(fuse, unique, 0, &out, in->minor < 23 ? 24 : sizeof(out));
}

static void take_write(int fuse, uint64_t unique, const struct fuse_write_in* in, int peer) {
  struct fuse_write_out out = {.size = in->size};

  write_all(peer, in + 1, in->size);
  if (in->offset + in->size > length) length = in->offset + in->size;
  reply(fuse, unique, 0, &out, sizeof(out));
}

static void handle(int fuse, const struct fuse_in_header* head, int peer) {
  const void* body = head + 1;
  struct fuse_attr_out attr = {.attr = attributes(head->nodeid)};
  struct fuse_open_out opened = {.fh = 1};

  switch (head->opcode) {
    case FUSE_INIT:
      return reply_init(fuse, head->unique, body);
    case FUSE_LOOKUP:
      if (!made) return reply(fuse, head->unique, -ENOENT, NULL, 0);
      return reply_entry(fuse, head->unique, 0);
    case FUSE_CREATE:
      made = 1;
      return reply_entry(fuse, head->unique, 1);
    case FUSE_GETATTR:
    case FUSE_SETATTR:
      return reply(fuse, head->unique, 0, &attr, sizeof(attr));
    case FUSE_OPEN:
      return reply(fuse, head->unique, 0, &opened, sizeof(opened));
    case FUSE_WRITE:
      return take_write(fuse, head->unique, body, peer);
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
  static char request[PIECE + 4096];
  int peer = dial();
  ssize_t n;

  while ((n = read(fuse, request, sizeof(request))) > 0 || errno == EINTR)
    if (n > 0) handle(fuse, (const struct fuse_in_header*)request, peer);
  check(errno == ENODEV, "read of requests"); /* unmounted */
  hang_up(peer);
}

int main(int argc, char** argv) {
  char options[128], number[16];
  int fuse;
  pid_t server, copier;

  if (argc > 1) {
    serve(atoi(argv[2]));
    return 0;
  }
  fuse = open("/dev/fuse", O_RDWR); /* no O_CLOEXEC: the server inherits it */
  if (fuse < 0) return CANNOT;
  check(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "mount namespace");
  check(mkdir(in_work("bucket"), 0700) == 0, "mkdir");
  snprintf(options, sizeof(options), "fd=%d,rootmode=40700,user_id=0,group_id=0", fuse);
  check(mount("bucket", in_work("bucket"), "fuse", MS_NOSUID | MS_NODEV, options) == 0, "mount of FUSE");
  snprintf(number, sizeof(number), "%d", fuse);
  server = start_role("bucketfs", number);
  copier = start();
  if (copier == 0) {
    close(fuse);
    execlp("cp", "cp", env("EV_MODEL"), in_work("bucket/holiday.avi"), (char*)NULL);
    _exit(127);
  }
  reap(copier);
  check(umount(in_work("bucket")) == 0, "umount");
  close(fuse);
  reap(server);
  return 0;
}
