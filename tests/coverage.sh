#!/bin/bash
# What is seen on each file system: tests/coverage.sh OUT. Makes images of them, runs the live tests of files on each with
# the real probes, and prints the tests that fail there. docs/coverage.md is its table. Root.
set -u
cd "$(dirname "$0")/.." || exit 2
out=${1:-build}
work=$(mktemp -d /var/tmp/tensorwarden-coverage-XXXXXX)
place=$work/mnt
mkdir "$place"

clean() {
	mountpoint -q "$place" && umount "$place"
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM

mount_one() {
	case $1 in
	tmpfs) mount -t tmpfs tmpfs "$place" ;;
	overlay)
		mkdir -p "$work/lower" "$work/upper" "$work/work"
		mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/work" "$place"
		;;
	*)
		truncate -s 512M "$work/image"
		"mkfs.$1" -q "$work/image" >/dev/null 2>&1 && mount -o loop "$work/image" "$place"
		;;
	esac
}

for fs in ext4 xfs btrfs overlay tmpfs; do
	if ! mount_one $fs; then
		echo "$fs: cannot be made here"
		continue
	fi
	TENSORWARDEN_LIVE_ANY_FS=1 TENSORWARDEN_LIVE_DIR=$place "$out/tests/live" \
		--gtest_filter='LiveFile*:LiveFlowTest.DerivedFile*:LiveMap*' >"$work/log" 2>&1
	printf '%s: %s passed; failed: %s\n' "$fs" "$(grep -c '^\[       OK ' "$work/log")" \
		"$(sed -n 's/^\[  FAILED  \] \(Live[A-Za-z.]*\).*ms)$/\1/p' "$work/log" | paste -sd' ')"
	umount "$place"
	rm -rf "$work/image" "$work/lower" "$work/upper" "$work/work"
done
