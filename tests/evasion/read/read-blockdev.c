/* Asks where the file's blocks lie (FIEMAP), and reads them from the block device, as debugfs does. */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "../tools/act.h"

#define EXTENTS 512

static int open_device(int model) {
  struct stat st;
  const char* node = in_work("disk");

  check(fstat(model, &st) == 0, "fstat");
  /* A node of our own: /dev may name the device differently, or not at all. */
  check(mknod(node, S_IFBLK | 0600, st.st_dev) == 0, "mknod");
  return open_or_die(node, O_RDONLY);
}

int main(void) {
  static union {
    struct fiemap head;
    char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
  } map;
  static char piece[PIECE];
  int model = open_model(), disk = open_device(model), peer = dial();

  map.head.fm_length = size_of(model);
  map.head.fm_flags = FIEMAP_FLAG_SYNC;
  map.head.fm_extent_count = EXTENTS;
  check(ioctl(model, FS_IOC_FIEMAP, &map.head) == 0, "FIEMAP");
  close(model);
  for (unsigned i = 0; i < map.head.fm_mapped_extents; i++) {
    const struct fiemap_extent* extent = &map.head.fm_extents[i];

    for (uint64_t done = 0; done < extent->fe_length; done += PIECE) {
      size_t want = extent->fe_length - done < PIECE ? extent->fe_length - done : PIECE;

      check(pread(disk, piece, want, (off_t)(extent->fe_physical + done)) == (ssize_t)want, "pread of the device");
      write_all(peer, piece, want);
    }
  }
  hang_up(peer);
  return 0;
}
