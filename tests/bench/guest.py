#!/usr/bin/env python3
"""Guest instructions per call, against checked-in limits. `make bench-guest` calls it.

Under QEMU's -icount one guest instruction is one tick, so the figures repeat and a change of the probes shows as a change
of the count. A limit is what a variant may add to a call; --update rewrites the limits from what was measured now, with
2 % or 20 instructions of room, whichever is more."""
import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LIMITS = HERE / "guest-limits.json"
KERNELS = ["6.1", "6.12"]
LIMITED = ["agent", "stage-1", "stage-2"]
# Two processes or the block layer take part: the scheduler decides how many instructions are counted.
UNSTABLE = {"http_request", "fork_exit", "exec"}
ROOM_SHARE, ROOM_INSTRUCTIONS = 0.02, 20


def run_guest(out, kernel):
    """{variant: {case: instructions}}; raises with the guest's output when it failed."""
    done = subprocess.run([str(HERE.parents[1] / "vmtests/run.sh"), "-o", out, "-i", "-t", "900", kernel,
                           "sh tests/bench/guest.sh"], capture_output=True, text=True, errors="replace")
    rows = {}
    for line in done.stdout.splitlines():
        variant, _, text = line.partition(" ")
        if text.startswith('{"case"'):
            row = json.loads(text)
            rows.setdefault(variant, {})[row["case"]] = row["best"]
    if done.returncode:
        raise RuntimeError(f"guest {kernel} failed ({done.returncode}): {(done.stdout + done.stderr)[-3000:]}")
    return rows


def added(rows, variant):
    return {case: round(count - rows["none"][case], 1) for case, count in rows[variant].items()}


def limits_of(rows):
    return {variant: {case: round(max(0, value) + max(ROOM_INSTRUCTIONS, ROOM_SHARE * rows["none"][case]))
                      for case, value in added(rows, variant).items() if case not in UNSTABLE} for variant in LIMITED}


def print_table(kernel, rows, limits):
    """Returns the list of passed limits."""
    variants = [name for name in rows if name != "none"]
    print(f"\nGuest instructions per call, kernel {kernel}")
    print(f"{'call':<15}{'none':>10}" + "".join(f"{'+' + name:>12}" for name in variants) + "  limits of agent, stages 1, 2")
    passed = []
    for case, none in rows["none"].items():
        line = f"{case:<15}{none:>10.0f}"
        for variant in variants:
            line += f"{added(rows, variant).get(case, float('nan')):>+12.0f}"
        marks = []
        for variant in LIMITED:
            limit = limits.get(variant, {}).get(case)
            over = limit is not None and added(rows, variant).get(case, 0) > limit
            marks.append("-" if limit is None else f"{limit}{' PASSED' if over else ''}")
            if over:
                passed.append(f"{kernel} {variant} {case}")
        print(line + "  " + ", ".join(marks))
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="build")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("kernels", nargs="*", default=KERNELS)
    args = parser.parse_args()
    limits = json.loads(LIMITS.read_text()) if LIMITS.exists() else {}
    raw, over = {}, []
    for kernel in args.kernels:
        raw[kernel] = run_guest(args.out, kernel)
        if args.update:
            limits[kernel] = limits_of(raw[kernel])
        over += print_table(kernel, raw[kernel], limits.get(kernel, {}))
    path = pathlib.Path(args.out) / "bench" / "guest.json"
    path.write_text(json.dumps(raw, indent=1))
    print(f"\nraw data: {path}")
    if args.update:
        LIMITS.write_text(json.dumps(limits, indent=1) + "\n")
        print(f"limits written: {LIMITS.relative_to(HERE.parents[1])}")
    missing = [kernel for kernel in args.kernels if kernel not in limits]
    if over or missing:
        print("bench-guest: " + "; ".join(["limit passed: " + name for name in over] +
                                          [f"no limits for {kernel}: run with UPDATE=1" for kernel in missing]))
        return 1
    print("bench-guest: within limits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
