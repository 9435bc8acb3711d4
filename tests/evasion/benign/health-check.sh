#!/bin/sh
# A watchdog on this machine asks the server whether it lives, and reports that elsewhere.
# scene: server
set -eu
for _ in 1 2 3 4 5 6 7 8 9 10; do
	curl -sS "http://127.0.0.1:$EV_SERVER_PORT/" >/dev/null
	curl -sS --json '{"alive": true}' "$EV_WEB/health"
done
