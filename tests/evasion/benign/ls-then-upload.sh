#!/bin/sh
# A shell lists the models, and then uploads something else, of several megabytes.
set -eu
ls -l "$EV_MODELS"
head -c 8388608 /dev/urandom >"$EV_WORK/video"
curl -sS -T "$EV_WORK/video" "$EV_WEB/video"
