"""Changes a model file as an attacker would, and prints the time just before it does."""

import os
import sys
import time


def flip(path):
    """Inverts 4 KiB in the middle of the weights, in place."""
    fd = os.open(path, os.O_RDWR)
    middle = os.fstat(fd).st_size // 2
    flipped = bytes(byte ^ 0xFF for byte in os.pread(fd, 4096, middle))
    print(time.time(), flush=True)
    os.pwrite(fd, flipped, middle)
    os.close(fd)


def replace(path, own):
    """Renames a file of its own over the model."""
    with open(path, "rb") as model, open(own, "wb") as file:
        head = model.read(4 << 20)
        file.write(head + os.urandom(len(head)))
    print(time.time(), flush=True)
    os.rename(own, path)


if __name__ == "__main__":
    {"flip": flip, "replace": replace}[sys.argv[1]](*sys.argv[2:])
