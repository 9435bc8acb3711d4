#!/bin/sh
# The server is made to dump core, and the core is sent: a core of a server holds its weights.
set -eu
prlimit --pid "$EV_SERVER_PID" --core=unlimited
kill -ABRT "$EV_SERVER_PID"
# The process is a zombie, or gone, once its core is complete.
while [ -e "/proc/$EV_SERVER_PID/status" ] && ! grep -q '^State:.Z' "/proc/$EV_SERVER_PID/status"; do
	sleep 0.05
done
core=$(find "$EV_WORK" -maxdepth 1 -name 'core*' | head -n 1)
[ -n "$core" ] || {
	echo "no core in $EV_WORK: kernel.core_pattern is $(cat /proc/sys/kernel/core_pattern)" >&2
	exit 77
}
"$EV_BIN/give" <"$core"
