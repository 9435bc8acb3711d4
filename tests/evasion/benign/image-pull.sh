#!/bin/sh
# A container image is pulled: a large new file comes into a folder of its own, is checked and unpacked.
set -eu
mkdir "$EV_WORK/layers"
curl -sS -o "$EV_WORK/layers/blob.part" "$EV_WEB/33554432"
sha256sum "$EV_WORK/layers/blob.part"
mv "$EV_WORK/layers/blob.part" "$EV_WORK/layers/blob"
gzip -1 <"$EV_WORK/layers/blob" | gzip -d >"$EV_WORK/layers/unpacked"
