#!/bin/sh
# A container without any model starts on an overlay of its own and uploads what it made.
set -eu
cd "$EV_WORK"
mkdir lower upper work root
head -c 4194304 /dev/urandom >lower/data
# shellcheck disable=SC2016 # the inner shell expands it
# shellcheck disable=SC2016 # the inner shell expands
exec unshare -m sh -ec '
	mount -t overlay -o "lowerdir=$EV_WORK/lower,upperdir=$EV_WORK/upper,workdir=$EV_WORK/work" overlay root
	cat root/data root/data >root/result
	"$EV_BIN/give" <root/result
'
