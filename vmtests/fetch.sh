#!/bin/bash
# Unpacks a Debian cloud kernel without installing it: vmtests/fetch.sh OUT VERSION, VERSION 6.1 or 6.12.
# Prints the folder, which holds vmlinuz and modules/. A kernel that lies there already is not fetched again.
set -euo pipefail
out=$1
version=$2
home=$out/vm/linux-$version
if [ -e "$home/vmlinuz" ]; then
	echo "$home"
	exit 0
fi

fail() {
	echo "fetch: $*" >&2
	exit 1
}

# The meta-package names the newest signed image: linux-image-cloud-amd64 is the release's own kernel (6.1).
arch=$(dpkg --print-architecture)
meta=linux-image-$version-cloud-$arch
[ "$version" = 6.1 ] && meta=linux-image-cloud-$arch
image_of() { apt-cache depends "$meta" 2>/dev/null | sed -n "s/^ *Depends: \(linux-image-${version}[.0-9].*\)/\1/p" | head -n 1; }
image=$(image_of)
if [ -z "$image" ]; then
	[ "$(id -u)" = 0 ] && apt-get -q update >/dev/null
	image=$(image_of)
fi
[ -n "$image" ] || fail "$meta is not in this machine's apt sources: Debian 12 with bookworm-security has it"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt's own user writes there
if ! (cd "$work" && apt-get -q download "$image" >/dev/null 2>&1); then
	# The lists may name a build that the archive has replaced since.
	[ "$(id -u)" = 0 ] && apt-get -q update >/dev/null
	image=$(image_of)
	(cd "$work" && apt-get -q download "$image" >/dev/null) || fail "cannot download $image"
fi
dpkg-deb -x "$work"/*.deb "$work/root"
kernel=$(find "$work/root" -name 'vmlinuz*' -type f | head -n 1)
modules=$(find "$work/root" -path '*/lib/modules/*' -maxdepth 5 -name kernel -type d | head -n 1)
[ -n "$kernel" ] || fail "$image holds no vmlinuz"
mkdir -p "$home.new"
cp "$kernel" "$home.new/vmlinuz"
[ -z "$modules" ] || cp -r "$modules" "$home.new/modules"
echo "$image" >"$home.new/package"
rm -rf "$home"
mv "$home.new" "$home"
echo "$home"
