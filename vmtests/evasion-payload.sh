#!/bin/bash
# What the evasion scoreboard needs in a guest: for vmtests/run.sh -e, which reads this file and has add_program and
# add_libraries. Python comes with its library, and thieves and ordinary people with the real tools: busybox's cp and cat
# move bytes by other calls than those that stand on real hosts.

# xfs and its checksums, loop devices, other worlds' file systems, and packet sockets: modules in both.
MODULES="$MODULES arch/x86/crypto/crc32c-intel crypto/crc32c_generic lib/libcrc32c fs/xfs/xfs
  drivers/block/loop fs/overlayfs/overlay fs/fuse/fuse net/packet/af_packet"

TOOLS="basename bash cat chmod cmp cp curl cut date dd df diff dirname du env expr file find git grep gzip head id ln ls mkdir
  mke2fs mkfifo mkfs.xfs mktemp mount mv openssl prlimit ps readlink rm rmdir rsync sed seq setpriv setsid sha256sum sleep
  sort stat sync tail tar tee top touch tr truncate umount uname uniq unshare wc xargs"

add_tools() {
	local root=$1 tool path
	for tool in $TOOLS; do
		# Acts and scenes tell when they lack a tool.
		path=$(PATH=/usr/bin:/bin:/usr/sbin:/sbin command -v "$tool" || true)
		[ -z "$path" ] || add_program "$(readlink -f "$path")" "/usr/bin/$tool"
	done
	ln -s mke2fs "$root/usr/bin/mkfs.ext4"
}

# Compiled modules come along: to compile them anew takes an emulated processor half a minute.
add_python() {
	local root=$1 library extension
	add_program /usr/bin/python3 /usr/bin/python3
	library=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
	mkdir -p "$root$library"
	tar cf - -C "$library" --exclude='./config-*' --exclude='*.opt-?.pyc' --exclude=./test --exclude=./lib2to3 \
		--exclude=./idlelib --exclude=./ensurepip --exclude=./pydoc_data --exclude=./dist-packages . | tar xf - -C "$root$library"
	for extension in "$library"/lib-dynload/*.so; do
		add_libraries "$extension"
	done
}

# Configuration and tables that these tools look for.
add_tables() {
	local root=$1 path
	for path in /usr/lib/ssl/openssl.cnf /usr/share/misc/magic.mgc /lib/terminfo/d/dumb /etc/mke2fs.conf; do
		[ -e "$path" ] || continue
		mkdir -p "$root$(dirname "$path")"
		cp -L "$path" "$root$path"
	done
}

# add_evasion_payload ROOT OUT
add_evasion_payload() {
	local root=$1 out=$2 program
	for program in "$out/tensorwarden-symbols" "$out"/evasion/*; do
		[ ! -f "$program" ] || add_program "$program" "/tensorwarden/build/${program#"$out"/}"
	done
	add_tools "$root"
	add_python "$root"
	add_tables "$root"
	tar cf - --exclude=__pycache__ tests/evasion tests/support tests/demo | tar xf - -C "$root/tensorwarden"
}
