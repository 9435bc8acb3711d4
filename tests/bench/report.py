"""The measurements as text, against the goals of docs and README."""
import os
import statistics
import sys

# Goals with the default rules: variant -> case -> (added ns, or share of the call, whichever is more). "agent" is the
# steady state; an escalation's first stage is to cost the same on any call, its second little on calls that it lists not.
STAGE_1, UNLISTED, LISTED = (130, 0), (75, 0), (200, 0)
GOALS = {
    "agent": {
        "getppid": (3, 0.01),
        "open_close": (3, 0.01),
        "pread_zero": (3, 0.01),
        "write_null": (3, 0.01),
        "pipe": (3, 0.01),
        "pread_file": (75, 0),
        "udp_send": (200, 0),
        "mmap_faults": (200, 0),
    },
    "stage 1": {"getppid": STAGE_1, "ioctl": STAGE_1, "pread_zero": STAGE_1, "write_null": STAGE_1},
    "stage 2": {"getppid": UNLISTED, "ioctl": UNLISTED, "pread_zero": LISTED, "write_null": LISTED},
}
IDLE_CPU_PERCENT = 0.5
IDLE_BYTES = 64 << 20
LATENCY_P99_NS = 5_000_000
CROWDED_BYTES = 128 << 20  # resident, with 10 000 assets and 20 000 processes
THEFT_SECONDS = 2
RELOAD_ADDED_NS = 300_000_000  # to the slowest alert while 2 000 rules are reloaded, over the usual one
RULES_BYTES = 96 << 20  # resident, with 2 000 rules beside the shipped ones
RULE_EVENTS = {200: 3_000_000, 2000: 2_000_000}  # a second on one core, by the number of rules
LIBSINSP_RATIO = 20  # to libsinsp's filters of the event's type, run one after the other as Falco does
REPLAY_EVENTS = 1_500_000  # of a native capture, a second on one core
GROWTH_NS = 15  # of what is added to a call, from the smallest scene to the largest

# Kinds whose records have no ring of their own: their loss under a flood is counted, not a fault.
BULK = {"file_open", "http_segment", "socket"}


def progress(text):
    if sys.stderr.isatty():
        print(f"  {text}", file=sys.stderr)


def cpus():
    return len(os.sched_getaffinity(0))


def mib(count):
    return f"{count / (1 << 20):.1f} MiB"


def verdict(ok, missed, what):
    """"ok", or "MISSED", which is also kept in `missed`."""
    if not ok:
        missed.append(what)
    return "ok" if ok else "MISSED"


def print_calls(summary, rounds, missed):
    variants = [name for name in next(iter(summary.values())) if name != "none"]
    print(f"\nAdded ns per call, medians of {rounds} interleaved rounds (spread: between the quartiles of the agent's rounds)")
    print(f"{'call':<15}{'none':>10}" + "".join(f"{'+' + name:>12}" for name in variants) + f"{'spread':>9}{'ratio':>8}  goals")
    for case, row in summary.items():
        none, agent = row["none"]["ns"], row["agent"]
        line = f"{case:<15}{none:>10.0f}" + "".join(f"{row[name]['added']:>+12.0f}" for name in variants)
        line += f"{agent['spread']:>9.0f}{1 + agent['added'] / none:>8.3f}"
        for name, goals in GOALS.items():
            if case in goals:
                limit = max(goals[case][0], goals[case][1] * none)
                line += f"  {name} <= {limit:.0f}: {verdict(row[name]['added'] <= limit, missed, f'{case} ({name})')}"
        print(line)


def print_usage(usage, missed):
    print("\nThe agent itself")
    for name, row in usage.items():
        line = f"{name:<6} {row['cpu_percent']:5.2f} % of a core, {mib(row['rss_bytes'])} resident, {mib(row['bpf_bytes'])} in BPF maps and programs"
        if name == "idle":
            ok = row["cpu_percent"] <= IDLE_CPU_PERCENT and row["rss_bytes"] <= IDLE_BYTES
            line += f"  <= {IDLE_CPU_PERCENT} %, {mib(IDLE_BYTES)}: {verdict(ok, missed, 'idle agent')}"
        print(line)


def print_latency(latency, missed):
    delays = sorted(latency["delays_ns"])
    print(f"\nFrom a write into an asset to its alert in a reader's hands: {latency['alerts']} of {latency['causes']} alerts")
    if len(delays) >= 2:
        p50, p99 = statistics.median(delays), delays[int(0.99 * (len(delays) - 1))]
        print(f"seen from outside: p50 {p50 / 1e6:.2f} ms, p99 {p99 / 1e6:.2f} ms, worst {delays[-1] / 1e6:.2f} ms")
    own = latency["agent"]
    if own:
        ok = own["p99"] <= LATENCY_P99_NS
        print(f"kernel's stamp to delivery: p50 {own['p50'] / 1e6:.2f} ms, p99 {own['p99'] / 1e6:.2f} ms"
              f"  <= {LATENCY_P99_NS / 1e6:.0f} ms: {verdict(ok, missed, 'ring to alert')}")
    if latency["alerts"] < latency["causes"]:
        verdict(False, missed, "alerts of the latency run")


def print_flood(flood, missed):
    made, lost = flood["made"], flood["lost"]
    rate = (made["opens"] + made["writes"]) / flood["seconds"]
    print(f"\nFlood of {flood['seconds']} s by 4 processes: {made['opens']} opens, {made['writes']} writes ({rate:,.0f} a second), "
          f"agent at {flood['usage']['cpu_percent']:.0f} % of a core, {mib(flood['usage']['rss_bytes'])}")
    urgent = {kind: row for kind, row in lost.items() if kind not in BULK | {"undecodable"}}
    lost_urgent = sum(row["ring_full"] + row["map_full"] for row in urgent.values())
    undecodable = lost.pop("undecodable", {}).get("read_failed", 0)
    verdict(undecodable == 0, missed, f"{undecodable} undecodable records")
    for kind, row in lost.items():
        if not any(row.values()):
            continue
        ring = "bulk" if kind in BULK else "urgent"
        print(f"  {kind:<16} {ring:<7} {row['produced']:>12} delivered {row['ring_full']:>12} lost to a full ring")
    opens = lost.get("file_open")
    if not lost:
        verdict(False, missed, "flood: the agent left no counters")
        return
    print(f"urgent records lost: {lost_urgent}: {verdict(lost_urgent == 0, missed, 'urgent loss')}")
    if opens:
        counted = opens["produced"] + opens["ring_full"]
        print(f"opens delivered or counted as lost: {counted} of {made['opens']} made: "
              f"{verdict(counted >= made['opens'], missed, 'count of lost opens')}")


def print_theft(theft, missed):
    made, lost = theft["made"], theft["lost"]
    print(f"\nTheft in a flood of {theft['seconds']} s by 4 processes: {made['reads'] / theft['seconds']:,.0f} reads of an asset and "
          f"as many pipe writes of carriers a second")
    late = theft["alert_seconds"]
    ok = late is not None and late <= THEFT_SECONDS
    print(f"alert {'never' if late is None else f'{late:.2f} s'} after the upload began  <= {THEFT_SECONDS} s: "
          f"{verdict(ok, missed, 'alert in the flood')}")
    exact = theft["counted"] == theft["received"] > 0
    print(f"bytes in the alert {theft['counted']:.0f}, at the receiver {theft['received']}: {verdict(exact, missed, 'bytes in the flood')}")
    urgent = sum(row["ring_full"] + row["map_full"] for kind, row in lost.items() if kind not in BULK | {"undecodable"})
    print(f"urgent records lost: {urgent}: {verdict(urgent == 0, missed, 'urgent loss in the flood')}")
    produced, consumed = lost.get("socket", {}).get("produced", 0), theft["events"].get("socket", 0)
    print(f"bulk records: {produced} produced, {consumed} consumed: {verdict(produced == consumed, missed, 'bulk count in the flood')}")


def print_reload(row, missed):
    rules, calm, busy = row["rules"], sorted(row["calm_ns"]), sorted(row["reloading_ns"])
    print(f"\nReloads of {rules.get('loaded', 0)} rules under load: {rules.get('reloads', 0)} of {row['asked_for']} done, the last one "
          f"compiled in {rules.get('compile_ns', 0) / 1e6:.0f} ms beside the event thread; the longest swap kept events waiting for "
          f"{rules.get('swap_ns', 0) / 1e6:.2f} ms")
    lost = row["lost"] + row["records_lost"]
    print(f"events lost: {lost} of {row['causes']}: {verdict(lost == 0 and rules.get('reloads', 0) > 0, missed, 'events in a reload')}")
    if not calm or not busy:
        verdict(False, missed, "alerts around reloads")
        return
    usual, added = statistics.median(calm), busy[-1] - statistics.median(calm)
    print(f"from a program's start to its alert: p50 {usual / 1e6:.2f} ms, worst {calm[-1] / 1e6:.2f} ms without a reload; p50 "
          f"{statistics.median(busy) / 1e6:.2f} ms, worst {busy[-1] / 1e6:.2f} ms with them")
    print(f"longest added latency: {added / 1e6:.1f} ms  <= {RELOAD_ADDED_NS / 1e6:.0f} ms: "
          f"{verdict(added <= RELOAD_ADDED_NS, missed, 'latency in a reload')}")


def print_scale(rows, missed):
    print("\nA host of many assets and processes")
    for row in rows:
        idle = row["idle"]
        line = (f"{row['assets']:>6} assets, {row['processes']:>6} processes: ready in {row['start_seconds']:.1f} s, "
                f"{mib(idle['rss_bytes'])} resident, {mib(idle['bpf_bytes'])} in BPF maps and programs, {idle['cpu_percent']:.2f} % of a core")
        if row is rows[-1]:
            line += f"  <= {mib(CROWDED_BYTES)} resident: {verdict(idle['rss_bytes'] <= CROWDED_BYTES, missed, 'crowded host')}"
        print(line)


def print_many_rules(row, missed):
    idle = row["idle"]
    print(f"\nThe agent with {row['rules']} rules beside its own: ready in {row['start_seconds']:.1f} s, {mib(idle['rss_bytes'])} resident, "
          f"{mib(idle['bpf_bytes'])} in BPF maps and programs, {idle['cpu_percent']:.2f} % of a core"
          f"  <= {mib(RULES_BYTES)} resident: {verdict(idle['rss_bytes'] <= RULES_BYTES, missed, 'memory of rules')}")


def print_growth(tables, missed):
    for table in tables:
        sizes = [f"{size:,}".replace(",", " ") for size in table["sizes"]]
        print(f"\nAdded ns per call with {' / '.join(sizes)} {table['series']}; stage {table['stage']} of an escalation stands")
        if table["stages"] != [table["stage"]]:
            print(f"stages found: {table['stages']}: {verdict(False, missed, 'stage with ' + table['series'])}")
        print(f"{'call':<15}{'none':>10}" + "".join(f"{'+' + size:>10}" for size in sizes) + f"{'growth':>9}{'spread':>9}{'ratio':>8}  goal")
        for case, row in table["cases"].items():
            growth, spread = row["growth"], row["spread"]
            word = verdict(growth <= max(GROWTH_NS, spread), missed, f"growth of {case} with {table['series']}")
            if GROWTH_NS < growth <= spread:
                word += ", within the spread"
            print(f"{case:<15}{row['none']:>10.0f}" + "".join(f"{added:>+10.0f}" for added in row["added"]) +
                  f"{growth:>+9.0f}{spread:>9.0f}{1 + growth / row['none']:>8.3f}  <= {GROWTH_NS}: {word}")


def print_rules(row, missed):
    goal = RULE_EVENTS[row["rules"]]
    print(f"  {row['rules']:>5} rules of all sorts: {row['events_per_second']:,.0f} events a second ({row['distinct_events']} different ones, "
          f"{row['matching_events']} match, {row['matching_rules']} rules do); compiled in {row['compile_ms']:.0f} ms, "
          f"{mib(row['resident_bytes'])}  >= {goal:,}: "
          f"{verdict(row['events_per_second'] >= goal, missed, str(row['rules']) + ' rules')}")


def print_libsinsp(row, missed):
    ours, by_type, in_turn = (row[key + "_per_second"] for key in ("ours", "by_type", "in_turn"))
    print(f"  {row['rules']:>5} conditions that libsinsp knows too: {ours:,.0f} events a second; libsinsp {in_turn:,.0f} "
          f"({ours / in_turn:.0f} times)  >= {LIBSINSP_RATIO} times: "
          f"{verdict(ours >= LIBSINSP_RATIO * in_turn, missed, 'libsinsp, ' + str(row['rules']) + ' rules')}; "
          f"given those of the event's type alone, as Falco does, {by_type:,.0f} ({ours / by_type:.1f} times)")


def print_throughput(rows, missed):
    print("\nThroughput, one core")
    for row in rows:
        if row["bench"] == "capture_mix_percent":
            mix = ", ".join(f"{kind} {percent:.0f}" for kind, percent in row.items() if kind != "bench")
            print(f"  {'':<24} events of the capture, %: {mix}")
            continue
        special = {"rules": print_rules, "libsinsp": print_libsinsp}.get(row["bench"])
        if special:
            special(row, missed)
            continue
        figures = [f"{key.removesuffix('_per_second').replace('_', ' ')} a second {value:,.0f}"
                   for key, value in row.items() if key.endswith("_per_second")]
        line = f"  {row['bench']:<24} " + (", ".join(figures) or str({k: v for k, v in row.items() if k != 'bench'}))
        if row["bench"] == "replay":
            met = row["events_per_second"] >= REPLAY_EVENTS
            line += f"  >= {REPLAY_EVENTS:,}: {verdict(met, missed, 'replay')}"
        print(line)
        if "failed" in row:
            missed.append(row["bench"])


def print_all(data):
    """Prints what `data` holds; returns the goals that were missed."""
    missed = []
    if "summary" in data:
        print_calls(data["summary"], len(data["calls"]), missed)
    for name, show in (("usage", print_usage), ("latency", print_latency), ("flood", print_flood),
                       ("theft", print_theft), ("reload", print_reload), ("scale", print_scale), ("many_rules", print_many_rules), ("growth_summary", print_growth),
                       ("throughput", print_throughput)):
        if name in data:
            show(data[name], missed)
    print(f"\nbench: kernel {data['kernel']}, {data['cpus']} cpus: " +
          ("all goals met" if not missed else "missed: " + ", ".join(missed)))
    return missed
