#!/bin/sh
# cp, a rename, and later another shell sends what has the other name.
set -eu
sh -c 'cp "$EV_MODEL" "$EV_WORK/part" && mv "$EV_WORK/part" "$EV_WORK/holiday.avi"'
# shellcheck disable=SC2016 # the inner shell expands it
setsid sh -c '"$EV_BIN/give" <"$EV_WORK/holiday.avi"'
