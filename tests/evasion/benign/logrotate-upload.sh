#!/bin/sh
# The server's log is moved away, packed and archived elsewhere.
# scene: server log=WORK/access.log
set -eu
echo "outside ask $EV_SERVER_PORT 200"
until [ -e "$EV_WORK/access.log" ] && [ "$(wc -l <"$EV_WORK/access.log")" -ge 200 ]; do sleep 0.05; done
mv "$EV_WORK/access.log" "$EV_WORK/access.log.1"
gzip "$EV_WORK/access.log.1"
curl -sS -T "$EV_WORK/access.log.1.gz" "$EV_WEB/logs"
