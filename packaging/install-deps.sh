#!/bin/sh
# Installs what Tensorwarden needs on Debian 12: packaging/install-deps.sh [GROUP]...
#
# Groups: build test lint demo evasion vm; none named: build. Only what is missing is installed, so a second run asks dpkg once
# and ends. "build", "test" and "demo" also mount tracefs when it is absent: the probes on tracepoints need it.
set -eu

BUILD="make g++ clang llvm bpftool zstd pkg-config libc6-dev linux-libc-dev libbpf-dev libelf-dev zlib1g-dev libbpfcc-dev
  libabsl-dev libfmt-dev libspdlog-dev libcli11-dev libfyaml-dev nlohmann-json3-dev rapidjson-dev libcereal-dev
  libre2-dev libssl-dev libzstd-dev libxxhash-dev libfalcosecurity0-dev libcurl4-openssl-dev libjsoncpp-dev libb64-dev
  libtbb-dev"
# libclang-rt-14-dev holds libFuzzer and the sanitizers, procps and iproute2 serve the live tests.
TEST="libc-ares-dev libjq-dev libgtest-dev libgmock-dev libclang-rt-14-dev python3 python3-jsonschema python3-yaml curl iproute2 procps util-linux"
LINT="clang-format clang-tidy shellcheck python3"
DEMO="python3 python3-torch python3-numpy curl iproute2 procps util-linux gzip"
# xfsprogs makes the file system on which a copy shares blocks; the rest is what thieves and ordinary people use.
EVASION="python3 gcc libc6-dev iproute2 util-linux xfsprogs curl openssl gzip tar rsync git file procps findutils"
VM="qemu-system-x86 cpio busybox-static e2fsprogs iproute2 python3"

fail() {
	echo "install-deps: $*" >&2
	exit 1
}

packages_of() {
	for group in "$@"; do
		case "$group" in
		build) echo "$BUILD" ;;
		test) echo "$TEST" ;;
		lint) echo "$LINT" ;;
		demo) echo "$DEMO" ;;
		evasion) echo "$EVASION" ;;
		vm) echo "$VM" ;;
		*) fail "unknown group '$group': use build, test, lint, demo, evasion or vm" ;;
		esac
	done
}

# Those of "$@" that dpkg does not know as installed. A package may appear once per architecture.
missing_of() {
	installed=$(dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
		sed -n 's/^\([^: ]*\)[^ ]* installed$/\1/p') || true
	for package in "$@"; do
		case "
$installed
" in
		*"
$package
"*) ;;
		*) echo "$package" ;;
		esac
	done
}

install_packages() {
	grep -qs '^12\.' /etc/debian_version ||
		fail "needs Debian 12 to install packages; install by hand what corresponds to: $*"
	[ "$(id -u)" = 0 ] || fail "run as root to install: $*"
	echo "  APT    $*"
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	if ! {
		apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 update &&
			apt-get -qy -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 install --no-install-recommends "$@"
	} >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		fail "apt-get failed; its last lines are above"
	fi
	rm -f "$log"
}

mount_tracefs() {
	grep -q ' /sys/kernel/tracing tracefs ' /proc/mounts && return 0
	[ -d /sys/kernel/tracing ] || return 0 # a kernel without tracing: `tensorwarden check` says what is lost
	if [ "$(id -u)" = 0 ] && mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; then
		echo "  MOUNT  tracefs on /sys/kernel/tracing"
	else
		echo "install-deps: tracefs is not mounted and cannot be: mount -t tracefs tracefs /sys/kernel/tracing" >&2
	fi
}

[ $# -gt 0 ] || set -- build
groups="$*"
list=$(packages_of "$@")
command -v dpkg-query >/dev/null || fail "needs Debian 12: dpkg-query is missing"
# shellcheck disable=SC2086 # package names are words
missing=$(missing_of $list)
# shellcheck disable=SC2086
[ -z "$missing" ] || install_packages $missing
case " $groups " in
*" build "* | *" test "* | *" demo "*) mount_tracefs ;;
esac
