#!/bin/sh
# A build machine packs what it built, signs it and uploads it.
set -eu
mkdir "$EV_WORK/package"
head -c 6291456 /dev/urandom >"$EV_WORK/package/program"
tar czf "$EV_WORK/package.tgz" -C "$EV_WORK" package
sha256sum "$EV_WORK/package.tgz" >"$EV_WORK/package.sum"
curl -sS -T "$EV_WORK/package.tgz" "$EV_WEB/package.tgz"
curl -sS -T "$EV_WORK/package.sum" "$EV_WEB/package.sum"
