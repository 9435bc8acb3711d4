#!/bin/sh
# Another folder is packed and sent away; the models lie beside it.
set -eu
mkdir "$EV_WORK/photos"
for number in 1 2 3 4; do head -c 4194304 /dev/urandom >"$EV_WORK/photos/$number"; done
tar cf - -C "$EV_WORK" photos | gzip -1 | "$EV_BIN/give"
