#!/bin/sh
# An inventory job reads the whole model and reports its digest to the inventory host.
set -eu
sum=$(sha256sum "$EV_MODEL")
curl -sS --json "{\"digest\": \"$sum\"}" "$EV_WEB/inventory"
