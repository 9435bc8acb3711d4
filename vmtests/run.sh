#!/bin/bash
# Runs a command in a guest with a real kernel: vmtests/run.sh [-o OUT] [-t SECONDS] [-e] [-i] KERNEL COMMAND...
#
# KERNEL: 6.1 or 6.12. COMMAND is a shell line; it runs as root in /tensorwarden, where the agent, the test programs,
# rules and test data lie under the same relative paths as here (OUT becomes build/), with a fresh ext4 on /tmp and /var/tmp. Its
# output comes out here and its exit status is this script's. 125: the guest did not get that far; the console is shown.
# -e adds what the evasion scoreboard needs: Python, its acts, and the tools and kernel modules that they use.
# -i counts guest instructions: one is one nanosecond of guest time, so figures repeat to the digit.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build
limit=300
memory=1536
evasion=
accel=(-accel "tcg,thread=multi")
while getopts o:t:ei option; do
	case $option in
	o) out=$OPTARG ;;
	t) limit=$OPTARG ;;
	e) evasion=1 memory=2560 ;; # the payload lies in memory, and while it is unpacked twice
	i) accel=(-accel tcg -icount "shift=0,sleep=off") ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || {
	sed -n '2s/^# //p' "$0" >&2
	exit 2
}
kernel=$1
shift
home=$(vmtests/fetch.sh "$out" "$kernel")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# What 6.1 has as modules and 6.12 partly built in, in the order in which they depend on each other.
MODULES="drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_legacy_dev
  drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci drivers/block/virtio_blk drivers/net/veth
  drivers/scsi/scsi_common drivers/scsi/scsi_mod drivers/scsi/sd_mod drivers/scsi/scsi_debug"

add_modules() {
	mkdir -p "$root/modules"
	: >"$root/modules/order"
	for module in $MODULES; do
		local file=$home/modules/$module.ko name=${module##*/}.ko
		if [ -e "$file" ]; then
			cp "$file" "$root/modules/$name"
		elif [ -e "$file.xz" ]; then
			busybox xzcat "$file.xz" >"$root/modules/$name"
		else
			continue
		fi
		# A disk in memory that calls itself removable, as a stick does.
		[ "$name" != scsi_debug.ko ] || name="$name dev_size_mb=32 removable=1"
		echo "$name" >>"$root/modules/order"
	done
}

# The shared libraries that a program or a library names.
add_libraries() {
	{ ldd "$1" 2>/dev/null || true; } | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		[ -e "$root$library" ] || cp -L "$library" "$root$library"
	done
}

# A program with its libraries, stripped: debug information is most of its size.
add_program() {
	local target=$root$2
	mkdir -p "$(dirname "$target")"
	strip -o "$target" "$1"
	add_libraries "$1"
}

add_payload() {
	local program
	mkdir -p "$root/tensorwarden/build"
	for program in "$out/tensorwarden" "$out/tests/live" "$out"/tests/triggers/* "$out"/bench/*; do
		if [ -f "$program" ] && [ -x "$program" ]; then
			add_program "$program" "/tensorwarden/build/${program#"$out"/}"
		fi
	done
	# busybox's ip knows no network namespaces, and its shell runs its own ip whatever PATH says.
	add_program "$(command -v ip || echo /usr/sbin/ip)" /usr/sbin/ip
	add_program /bin/dash /usr/bin/dash
	add_program "$(command -v mke2fs || echo /usr/sbin/mke2fs)" /usr/sbin/mke2fs
	for folder in rules tests/data tests/bench packaging; do
		[ ! -d "$folder" ] || (tar cf - "$folder" | tar xf - -C "$root/tensorwarden")
	done
	if [ -e "$out/bench/empty.bpf.o" ]; then
		mkdir -p "$root/tensorwarden/build/bench"
		cp "$out/bench/empty.bpf.o" "$root/tensorwarden/build/bench/"
	fi
}

mkdir -p "$root/bin"
cp /bin/busybox "$root/bin/busybox"
if [ -n "$evasion" ]; then
	. vmtests/evasion-payload.sh
fi
add_modules
add_payload
[ -z "$evasion" ] || add_evasion_payload "$root" "$out"
cp vmtests/init "$root/init"
printf '%s\n' "$*" >"$root/command"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
truncate -s 6G "$work/disk"
mke2fs -q -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 "$work/disk"

rc=0
timeout -k 5 "$limit" qemu-system-x86_64 "${accel[@]}" -cpu max -smp 1 -m "$memory" -nodefaults -display none -no-reboot \
	-serial "file:$work/console" -serial "file:$work/output" -drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
	-kernel "$home/vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1 mitigations=off \
lsm=landlock,lockdown,yama,integrity,apparmor,bpf" </dev/null 2>"$work/qemu" || rc=$?

grep -av '^@@status ' "$work/output" || true
status=$(sed -n 's/^@@status //p' "$work/output" 2>/dev/null | tail -n 1)
if [ -z "$status" ]; then
	[ "$rc" != 124 ] || echo "vm: no end within $limit s" >&2
	tail -n 30 "$work/console" "$work/qemu" >&2
	exit 125
fi
grep -av 'reboot: Power down' "$work/console" | sed 's/^/console: /' >&2 || true
exit "$status"
