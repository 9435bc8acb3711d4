// How much of a file there is: shares of a model are counted by what can be stolen of it.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace tensorwarden {

// Bytes of the regular file `fd`, whose stat is `st`, holes left out where they are more than half of it: one that is
// mostly holes costs nothing to make, and must not make a model beside it look large. From 4 KiB on, if the file is
// that long.
//
// Fewer blocks than bytes are no holes by themselves: files are compressed, FUSE servers tell no blocks, ZFS none
// before its next write. Those count whole, or by what the file system says is data. Preallocated blocks count. Moves
// the descriptor's offset.
uint64_t SizeOnDisk(int fd, const struct stat& st);

}  // namespace tensorwarden
