"""An indexer reads 64 KiB of each model for its catalogue, then talks to the network about other things."""
import os
import urllib.request

with open(os.environ["EV_MODEL"], "rb") as file:
    header = file.read(64 << 10)
catalogue = header[:64].hex().encode()
urllib.request.urlopen(urllib.request.Request(os.environ["EV_WEB"], catalogue)).read()
for _ in range(4):
    urllib.request.urlopen(urllib.request.Request(os.environ["EV_WEB"], os.urandom(1 << 20))).read()
