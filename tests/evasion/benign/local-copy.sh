#!/bin/sh
# A person keeps a copy of the model on this machine, compares it and removes it; nothing is sent.
set -eu
cp "$EV_MODEL" "$EV_WORK/copy"
cmp "$EV_MODEL" "$EV_WORK/copy"
rm "$EV_WORK/copy"
