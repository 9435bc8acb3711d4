"""A scanner reads every byte of the model through a mapping and through reads, and sends nothing."""
import mmap
import os
import zlib

with open(os.environ["EV_MODEL"], "rb") as file:
    with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        print("note", zlib.crc32(view))
    while file.read(1 << 16):
        pass
