#!/bin/sh
# A person looks at the processes, and a monitor at what /proc says of the server.
# scene: server
set -eu
command -v top >/dev/null || exit 77
ps aux >"$EV_WORK/ps"
top -bn1 >"$EV_WORK/top"
for name in stat status cmdline statm io smaps_rollup environ limits; do cat "/proc/$EV_SERVER_PID/$name" >/dev/null; done
