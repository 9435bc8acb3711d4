#!/bin/sh
# Somebody checks the weights against their digest.
set -eu
sha256sum "$EV_MODEL" >"$EV_WORK/sums"
sha256sum -c "$EV_WORK/sums"
