"""A monitor counts everybody's open files, as lsof does, and posts figures."""
# scene: server
import json
import os
import urllib.request

counts = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            os.readlink(f"/proc/{pid}/fd/{fd}")
            os.stat(f"/proc/{pid}/fd/{fd}")
            counts[pid] = counts.get(pid, 0) + 1
    except OSError:
        continue  # it has ended meanwhile
urllib.request.urlopen(urllib.request.Request(os.environ["EV_WEB"], json.dumps(counts).encode())).read()
