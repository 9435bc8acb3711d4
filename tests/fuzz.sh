#!/bin/sh
# Runs one fuzzer for a while: tests/fuzz.sh PROGRAM SECONDS
#
# Starts from tests/fuzz/seeds/NAME (checked in) and what earlier runs found (OUT/fuzz-corpus/NAME). A crashing input is
# kept in OUT/fuzz-crashes/ and its path is printed by libFuzzer.
set -eu
program=$1
seconds=$2
name=$(basename "$program")
out=$(dirname "$(dirname "$program")")
seeds=$(dirname "$0")/fuzz/seeds/$name
corpus=$out/fuzz-corpus/$name
mkdir -p "$corpus" "$out/fuzz-crashes"
[ -d "$seeds" ] || seeds=
exec "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=1 \
	-artifact_prefix="$out/fuzz-crashes/$name-" "$corpus" ${seeds:+"$seeds"}
