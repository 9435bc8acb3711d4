#!/bin/bash
# Runs every test program that `make test` built and says how each ended: tests/run.sh [OUT]
#
# Each runner's own closing line is shown, the whole output lies in OUT/test-logs/. A failing runner's relevant lines are
# shown too. Ends 1 when any failed. FUZZ_SECONDS: time for each fuzzer (default 5).
set -u
cd "$(dirname "$0")/.." || exit 2
out=${1:-build}
fuzz_seconds=${FUZZ_SECONDS:-5}
logs=$out/test-logs
mkdir -p "$logs"
failed=()
count=0
begin=$SECONDS

# run NAME SECONDS PATTERN COMMAND...: PATTERN (extended) picks the lines that the runner itself closes with.
run() {
	local name=$1 limit=$2 pattern=$3 log=$logs/${1//\//-}.log start=$SECONDS rc=0
	shift 3
	timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null || rc=$?
	count=$((count + 1))
	printf '%-24s %4ds  ' "$name" $((SECONDS - start))
	if [ "$rc" = 0 ]; then
		printf 'ok    '
	else
		printf 'FAIL  (exit status %d%s) ' "$rc" "$([ "$rc" = 124 ] && echo ': time is up')"
		failed+=("$name")
	fi
	grep -aE "$pattern" "$log" | tail -n 3 | paste -sd' ' | cut -c1-300
	if [ "$rc" != 0 ]; then
		grep -aE '^\[  FAILED  \]|Failure$|ERROR:|SUMMARY:|^.*_test\.cc:[0-9]+' "$log" | awk '!seen[$0]++' | head -n 40 | sed 's/^/    /'
		tail -n 15 "$log" | sed 's/^/    | /'
		echo "    whole output: $log"
	fi
	# A skipped test is told, with its reason.
	grep -aE -A1 '_test\.cc:[0-9]+: Skipped' "$log" | grep -av '^--' | paste -d' ' - - | awk '!seen[$0]++' | head -n 10 | sed 's/^/    /'
}

gtest='^\[==========\] .* ran\.|^\[  PASSED  \]|^\[  SKIPPED \] [0-9]+ tests?|^ *[0-9]+ FAILED TEST'

for program in "$out"/tests/unit/*; do
	[ -f "$program" ] && [ -x "$program" ] && run "unit/$(basename "$program")" 180 "$gtest" "$program"
done
run rules 120 'tests of rules:' "$out/tensorwarden" rules test rules
run lint-rules 60 '^(Ran|OK|FAILED)' python3 -m unittest discover -s tests/lint -p '*_test.py'
[ ! -x "$out/tests/oracle" ] || run oracle 300 '^oracle: ' "$out/tests/oracle" 1000000

for program in "$out"/fuzz/*; do
	if [ -f "$program" ] && [ -x "$program" ]; then
		run "fuzz/$(basename "$program")" $((fuzz_seconds + 120)) '^Done [0-9]+ runs' tests/fuzz.sh "$program" "$fuzz_seconds"
	fi
done

if [ -x "$out/tests/live" ]; then
	run live 600 "$gtest" "$out/tests/live"
fi
TENSORWARDEN=$out/tensorwarden run rules-cli 120 '^(Ran|OK|FAILED)' /usr/bin/python3 tests/cli/rules_test.py
TENSORWARDEN=$out/tensorwarden run captures 120 '^(Ran|OK|FAILED)' /usr/bin/python3 tests/agent/capture_test.py
TENSORWARDEN=$out/tensorwarden run agent 600 '^(Ran|OK|FAILED)' /usr/bin/python3 tests/agent/agent_test.py

echo
if [ ${#failed[@]} -gt 0 ]; then
	echo "tests: $((count - ${#failed[@]})) of $count runners passed in $((SECONDS - begin)) s; failed: ${failed[*]}"
	exit 1
fi
echo "tests: $count of $count runners passed in $((SECONDS - begin)) s"
