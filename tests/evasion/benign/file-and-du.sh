#!/bin/sh
# What is this, and how large is it?
set -eu
command -v file >/dev/null || exit 77
file "$EV_MODEL"
du -sh "$EV_MODELS"
stat "$EV_MODEL"
