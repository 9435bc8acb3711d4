#!/bin/sh
# What the server has mapped, and where its memory goes.
# scene: server
set -eu
cat "/proc/$EV_SERVER_PID/maps" "/proc/$EV_SERVER_PID/smaps" >"$EV_WORK/maps"
"$EV_BIN/give" <"$EV_WORK/maps"
