#!/bin/bash
# Boots Debian's kernels in QEMU and runs there what runs on this host: vmtests/vmtest.sh OUT [KERNEL]...
# One build is so known to work on every supported kernel. Whole outputs lie in OUT/vm-logs/.
set -u
cd "$(dirname "$0")/.." || exit 2
out=${1:-build}
shift || true
[ $# -gt 0 ] || set -- 6.1 6.12
logs=$out/vm-logs
mkdir -p "$logs"
rows=()
status=0

# guest KERNEL NAME SECONDS COMMAND [OPTION of run.sh]...: one boot, one row of the table.
guest() {
	local kernel=$1 name=$2 limit=$3 log=$logs/$1-$2.log start=$SECONDS rc=0 closing
	vmtests/run.sh -o "$out" -t "$limit" "${@:5}" "$kernel" "$4" >"$log" 2>&1 || rc=$?
	closing=$(grep -aE '^\[  PASSED  \]|^\[  SKIPPED \] [0-9]+|^ *[0-9]+ FAILED TEST|^summary|^guest-only:|^evasion:' "$log" | tail -n 2 | paste -sd' ')
	if [ "$rc" = 0 ]; then
		rows+=("$(printf '%-8s %-8s %5ds  ok    %s' "$kernel" "$name" $((SECONDS - start)) "$closing")")
		return
	fi
	status=1
	rows+=("$(printf '%-8s %-8s %5ds  FAIL  (exit status %d) %s' "$kernel" "$name" $((SECONDS - start)) "$rc" "$closing")")
	echo "--- $name on $kernel failed; the last lines of $log:"
	grep -aE '^\[  FAILED  \]|_test\.cc:[0-9]+: Failure| (MISSED|FAILED|failed|alerted) ' "$log" | head -n 30
	tail -n 25 "$log"
}

for kernel in "$@"; do
	if ! vmtests/fetch.sh "$out" "$kernel" >/dev/null; then
		rows+=("$(printf '%-8s no kernel' "$kernel")")
		status=1
		continue
	fi
	echo "  VM     $kernel ($(cat "$out/vm/linux-$kernel/package"))"
	guest "$kernel" check 120 'build/tensorwarden check'
	# Half an hour under software emulation, so only when it is asked for: EVASION=1, or options that pick rows.
	if [ -n "${EVASION:-}" ]; then
		guest "$kernel" evasion 4200 "python3 tests/evasion/evasion.py --keep-going --patience 8 ${EVASION#1}" -e
	fi
	[ -x "$out/tests/live" ] || continue
	guest "$kernel" live 900 'build/tests/live'
	# As on a kernel under lockdown. 6.1 has no tracepoint that shows a read.
	if [ "$kernel" != 6.1 ]; then
		guest "$kernel" datapath 900 'TENSORWARDEN_LIVE_TIER=data_path build/tests/live --gtest_filter=-LifetimeTest.*'
	fi
done

echo
printf '%-8s %-8s %6s  %s\n' kernel runner time result
printf '%s\n' "${rows[@]}"
if [ "$status" = 0 ]; then echo "vmtest: passed"; else echo "vmtest: failed"; fi
exit "$status"
