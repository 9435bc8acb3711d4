#!/bin/sh
# Through a named pipe; the sender has been there, waiting, before anybody read the model.
set -eu
mkfifo "$EV_WORK/queue"
"$EV_BIN/give" <"$EV_WORK/queue" &
cat "$EV_MODEL" >"$EV_WORK/queue"
wait $!
