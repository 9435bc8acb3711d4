#!/bin/bash
# All of `make lint`: format, scripts, include directions, sizes, clang-tidy: tests/lint/run.sh [OUT]
# Every part runs, and each says how it ended; ends 1 when any failed. clang-tidy looks again only at what changed.
set -u
cd "$(dirname "$0")/../.." || exit 2
out=${1:-build}
failed=()

part() {
	local name=$1
	shift
	if ! "$@"; then
		failed+=("$name")
		echo "lint: $name failed"
	fi
}

format() {
	mapfile -t files < <(find agent bpf tests vmtests \( -name '*.cc' -o -name '*.c' -o -name '*.h' \) | sort)
	clang-format --dry-run -Werror --ferror-limit=3 "${files[@]}" && echo "clang-format: ${#files[@]} files"
}

scripts() {
	mapfile -t files < <(
		find packaging tests vmtests .ci rules -type f -exec grep -lE '^#!/bin/(ba)?sh' {} + | sort
	)
	shellcheck "${files[@]}" && echo "shellcheck: ${#files[@]} files"
}

python() {
	mapfile -t files < <(find tests vmtests packaging -name '*.py' | sort)
	python3 - "${files[@]}" <<-'END' && echo "python: ${#files[@]} files"
		import sys
		for name in sys.argv[1:]:
		    compile(open(name, encoding="utf-8").read(), name, "exec")
	END
}

tidy() {
	local jobs=()
	[[ ${MAKEFLAGS:-} == *-j* ]] || jobs=(-j"${JOBS:-2}")
	"${MAKE:-make}" --no-print-directory -k "${jobs[@]}" O="$out" tidy && echo "clang-tidy: all files"
}

part format format
part shellcheck scripts
part python python
part includes python3 tests/lint/includes.py
part sizes python3 tests/lint/sizes.py
part clang-tidy tidy

if [ ${#failed[@]} -gt 0 ]; then
	echo "lint: failed: ${failed[*]}"
	exit 1
fi
echo "lint: clean"
