#!/bin/sh
# The server, which holds the weights, writes an access log; a shipper sends it to the log host.
# scene: server log=WORK/access.log
set -eu
echo "outside ask $EV_SERVER_PORT 400"
until [ -e "$EV_WORK/access.log" ] && [ "$(wc -l <"$EV_WORK/access.log")" -ge 400 ]; do sleep 0.05; done
"$EV_BIN/give" <"$EV_WORK/access.log"
