#!/usr/bin/env python3
"""What the agent costs and how fast it is, on this host, now. `make bench` calls it.

Every comparison interleaves its variants within one run, takes the quietest chunk of each round and the median over the
rounds, because a shared machine doubles timings at random. Raw figures go to OUT/bench/bench.json."""
import argparse
import contextlib
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import growth
import harness
import pressure
import reload
import report

VARIANTS = {
    "none": None,
    "inotify": lambda site: site.inotify(),
    "empty": lambda site: site.empty("hooks"),
    "agent": lambda site: site.agent(),
    "stage 1": lambda site: site.agent(extra=("--escalate", "1")),
    "stage 2": lambda site: site.agent(extra=("--escalate", "2")),
    "sys_exit": lambda site: site.empty("sys_exit"),
}
LATENCY_RUNS, LATENCY_CAUSES = 2, 100  # the agent opens at most 100 alerts of one rule a minute
FLOOD_PROCESSES = 4
OPEN_RULE = """
- rule: Bench asks for opens
  desc: makes the agent attach the open family; never matches
  condition: evt.type = open and fd.name = /bench/no/such/file
  output: never
  priority: INFORMATIONAL
"""


def measure_calls(site, rounds, chunks):
    """[{variant: {case: ns}}], one entry per round. The order turns from round to round."""
    results, names = [], list(VARIANTS)
    for number in range(rounds):
        row = {}
        for name in names[number % len(names):] + names[:number % len(names)]:
            start = VARIANTS[name]
            running = start(site) if start else None
            try:
                row[name] = site.callcost(chunks)
            finally:
                if running:
                    running.stop()
        results.append(row)
        report.progress(f"calls: round {number + 1} of {rounds}")
    return results


def measure_usage(site, seconds):
    """The agent beside a server that holds its model: left alone, then with every call of callcost in a loop."""
    with site.agent() as agent:
        time.sleep(2)  # the start-up scan is not the steady state
        idle = harness.Usage(agent.process.pid)
        time.sleep(seconds)
        usage = {"idle": idle.read()}
        load = harness.Usage(agent.process.pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            site.callcost(10)
        usage["load"] = load.read()
    return usage


def measure_latency(site):
    """ns from a stranger's write into an asset to its alert's line on our side of the agent's pipe."""
    delays, own = [], {}
    for number in range(LATENCY_RUNS):
        folder = site.work / f"latency-{number}"
        paths = [folder / f"asset-{i}.safetensors" for i in range(LATENCY_CAUSES)]
        for path in paths:
            harness.write_model(path, 64 << 10)
        with site.agent(site.config([f"{folder}/*.safetensors"])) as agent:
            time.sleep(1)
            cause_alerts(agent, paths, delays)
        own = site.stats().get("alert_latency_ns", {})
    return {"causes": LATENCY_RUNS * LATENCY_CAUSES, "alerts": len(delays), "delays_ns": delays, "agent": own}


def cause_alerts(agent, paths, delays):
    causes = {}
    for path in paths:
        with open(path, "r+b", buffering=0) as asset:
            asset.seek(8192)
            causes[str(path)] = time.monotonic_ns()
            asset.write(b"changed")
        take_alerts(agent, causes, delays, 0.02)
    take_alerts(agent, causes, delays, 2)


def take_alerts(agent, causes, delays, seconds):
    """Moves what is waiting, and what comes within `seconds`, from the agent's output to `delays`."""
    end = time.monotonic() + seconds
    while causes and time.monotonic() < end:
        try:
            line = agent.lines.get(timeout=max(0.001, end - time.monotonic()))
        except harness.queue.Empty:
            return
        if not line.text.startswith("{"):
            continue
        for path in [path for path in causes if path in line.text]:
            delays.append(line.time_ns - causes.pop(path))


def measure_flood(site, seconds):
    """Opens and writes by four processes at the highest rate, with a rule that asks for opens."""
    folder = site.work / "flood"
    harness.write_model(folder / "shared.safetensors", 1 << 20)
    rules = site.work / "open-rule.yaml"
    rules.write_text(OPEN_RULE)
    with site.agent(site.config([f"{folder}/*.safetensors"]),
                    ("--rules", str(harness.ROOT / "rules"), "--rules", str(rules))) as agent:
        usage = harness.Usage(agent.process.pid)
        made = json.loads(subprocess.run([str(site.bench / "flood"), str(folder), str(seconds), str(FLOOD_PROCESSES)],
                                         check=True, capture_output=True, text=True).stdout)
        used = usage.read()
    return {"seconds": seconds, "made": made, "usage": used, "lost": site.stats().get("lost", {})}


def measure_throughput(site):
    """Every *_bench program prints one JSON line per figure."""
    rows = []
    for program in sorted(site.bench.glob("*_bench")):
        done = subprocess.run([str(program)], capture_output=True, text=True, timeout=300)
        rows += [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode:
            rows.append({"bench": program.name, "failed": done.returncode, "why": done.stderr.strip()[-300:]})
    return rows


def summarise(rounds):
    """{case: {variant: {"ns": median, "added": median of the differences within a round, "spread": of them}}}"""
    table = {}
    for case in rounds[0]["none"]:
        table[case] = {}
        for variant in rounds[0]:
            values = [row[variant][case] for row in rounds if case in row[variant]]
            added = [row[variant][case] - row["none"][case] for row in rounds if case in row[variant]]
            quartiles = statistics.quantiles(added, n=4) if len(added) > 1 else [0, 0, 0]
            table[case][variant] = {"ns": statistics.median(values), "added": statistics.median(added),
                                    "spread": quartiles[2] - quartiles[0]}
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="build")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--chunks", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=30, help="of the flood; idle and load are measured for 20 or less")
    parser.add_argument("--only", choices=["calls", "usage", "latency", "flood", "theft", "reload", "scale", "many_rules", "growth", "throughput"])
    args = parser.parse_args()
    data = {"kernel": platform.release(), "cpus": report.cpus(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    # Not /tmp: it may be tmpfs, whose page cache has no tracepoints.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="tensorwarden-bench-") as work:
        site = harness.Site(args.out, work)
        parts = {
            "calls": lambda: measure_calls(site, args.rounds, args.chunks),
            "usage": lambda: measure_usage(site, min(20, args.seconds)),
            "latency": lambda: measure_latency(site),
            "flood": lambda: measure_flood(site, args.seconds),
            "theft": lambda: pressure.measure_theft(site, args.seconds),
            "reload": lambda: reload.measure(site, args.seconds),
            "scale": lambda: pressure.measure_scale(site),
            "many_rules": lambda: pressure.measure_rules(site),
            "growth": lambda: growth.measure(site, args.rounds),
            "throughput": lambda: measure_throughput(site),
        }
        with contextlib.closing(site), site.server():
            for name, part in parts.items():
                if args.only in (None, name):
                    report.progress(name)
                    data[name] = part()
    if "calls" in data:
        data["summary"] = summarise(data["calls"])
    if "growth" in data:
        data["growth_summary"] = growth.summarise(data["growth"])
    path = pathlib.Path(args.out) / "bench" / "bench.json"
    path.write_text(json.dumps(data, indent=1))
    missed = report.print_all(data)
    print(f"raw data: {path}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
