#!/usr/bin/env python3
"""The evasion scoreboard: real thefts and tamperings, each under an agent of its own, and who was caught.

Each row of tests/data/evasion.tsv is an act that really sends the model's bytes to a host in another network namespace, or
really changes the model; each file of tests/evasion/benign is ordinary work that must raise no alert. docs/evasion.md says
what each does. Ends 0 when all rows that this kernel can see were caught and nothing benign raised an alert.
"""

import argparse
import dataclasses
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="ID,ID", default="", help="these rows alone")
    parser.add_argument("--group", metavar="GROUP,GROUP", default="",
                        help="read, copy, pass, send, change, self, benign alone")
    parser.add_argument("--keep-going", action="store_true", help="after a row that could not be played, too")
    parser.add_argument("--json", metavar="OUT", help="the results in a file, for programs")
    parser.add_argument("--agent", metavar="PATH", help="the agent under test (default: $TENSORWARDEN, build/tensorwarden)")
    parser.add_argument("--record", metavar="DIR", help="keep each row's event capture there, for `tensorwarden replay`")
    parser.add_argument("--patience", type=float, default=1.0, metavar="FACTOR", help="longer waits on a slow machine")
    parser.add_argument("--guest", action="store_true", help="print which rows this kernel should catch, and play none")
    return parser.parse_args()


ARGUMENTS = parse_arguments()
if ARGUMENTS.agent:
    os.environ["TENSORWARDEN"] = os.path.abspath(ARGUMENTS.agent)

import benign  # noqa: E402
import rows as table  # noqa: E402
import scene as s  # noqa: E402
import world as w  # noqa: E402
from support import agent_process  # noqa: E402

GROUPS = ("read", "copy", "pass", "send", "change", "self")
GRACE_SECONDS = 6  # for the alert after the act; the agent samples its counters each second


@dataclasses.dataclass
class Result:
    id: str
    state: str          # caught, missed, impossible (here), failed (the act), guest-only
    tier: str = ""
    rule: str = ""
    after_bytes: int = -1
    seconds: float = -1
    why: str = ""


class Kernel:
    """What `tensorwarden check --json` says of this kernel."""

    def __init__(self):
        report = json.loads(agent_process.run_verb("check", "--json").stdout)
        self.name = report["kernel"]
        self._present = {one["name"] for one in report["capabilities"] if one["present"]}
        self._tiers = {one["group"]: one["tier"] for one in report["probes"] if one["state"] != "missing"}

    def lacks(self, row):
        """Whether the hook that the row needs is missing; a row that needs none is for every kernel."""
        return row.hook and not set(row.hook.split("|")) & (self._present | set(self._tiers))

    def tier(self, row, escalated):
        """Which hooks caught it: the best that this kernel has, unless what the bytes passed through shows to others alone."""
        if row.id in table.BY_SYSCALLS and escalated:
            return "escalated"
        return self._tiers.get("file_write" if row.group == "change" else "file_read", "data path")


def is_caught(scene, row):
    """Alerts by the right rule about the model, one for each process that the act named, or else one."""
    def matches(alert):
        return alert["rule"] in row.rules and s.is_about_the_model(alert)

    deadline = time.monotonic() + GRACE_SECONDS * scene.patience
    found = []
    for pid in scene.actors or [None]:
        alert = scene.agent.wait_open(
            lambda alert, pid=pid: matches(alert) and pid in (None, alert.get("actor", {}).get("process", {}).get("pid")),
            max(0, deadline - time.monotonic()))
        if alert is None:
            return None, f"no alert for process {pid}" if pid else ""
        found.append(alert)
    return found[0], ""


def measure(scene, row, alert, result):
    """How much had left, and how long it took from the byte that made it worth an alert."""
    outside = scene.world.outside
    cause = s.happened(alert)
    if row.group != "change":
        measured = alert.get("measure", {})
        result.after_bytes = max(int(outside.do(f"by {alert['seen']}")),
                                 int(measured["value"]) if measured.get("unit") == "bytes" else 0)
        reached = outside.do(f"reached {s.ALERTABLE}")
        cause = float(reached) if reached != "never" else cause
    result.seconds = max(0.0, alert["seen"] - cause)


def verify(scene, row):
    """Raises Failed unless the act did what its row says. The agent has ended: reading the model disturbs nothing."""
    if row.group == "change":
        if not scene.is_changed():
            raise s.Failed("the model is as it was")
        return
    total, found = scene.stolen()
    if total < 0.95 * row.share * scene.size:
        raise s.Failed(f"only {total} bytes came outside")
    if row.id not in table.OPAQUE and found < 0.7 * row.share:
        raise s.Failed(f"what came outside is not the model: {found:.0%} of the samples")


def others(scene):
    """What the agent did say, for a row that was missed."""
    return "; ".join(f"{alert['rule']}: {alert['summary']}" for alert in scene.agent.opened()) or "no alert"


def play_row(world, kernel, row):
    result = Result(row.id, "missed")
    try:
        with s.Scene(world, row.id, row.place, ARGUMENTS.patience, ARGUMENTS.record) as scene:
            table.play(scene, row)
            alert, why = is_caught(scene, row)
            if alert:
                result.state, result.rule = "caught", alert["rule"]
                measure(scene, row, alert, result)
            scene.stop_agent()
            result.tier = kernel.tier(row, scene.stats().get("escalated")) if alert else ""
            result.why = "; ".join(([] if alert else [why or others(scene)]) + scene.notes)
            verify(scene, row)
    except s.Impossible as error:
        return Result(row.id, "impossible", why=str(error))
    except (s.Failed, RuntimeError, OSError, ValueError) as error:
        return Result(row.id, "failed", why=f"{type(error).__name__}: {error}; {result.state}, {result.why}")
    return result


def show(result, seconds):
    after = f"{result.after_bytes / 1024:.0f} KiB" if result.after_bytes >= 0 else ""
    late = f"{result.seconds:.2f}" if result.seconds >= 0 else ""
    what = result.rule or result.state.upper()
    print(f"{result.id:<26} {result.tier:<10} {what:<36} {after:>10} {late:>6}  {seconds:4.1f} s  "
          f"{result.why}".rstrip(), flush=True)


def play_rows(world, kernel, rows):
    results = []
    for row in rows:
        began = time.monotonic()
        result = Result(row.id, "guest-only", why=row.hook) if kernel.lacks(row) else play_row(world, kernel, row)
        show(result, time.monotonic() - began)
        results.append(result)
        if result.state == "failed" and not ARGUMENTS.keep_going:
            print("evasion: stopped: a row could not be played (--keep-going goes on)")
            break
    return results


def select(rows):
    only = {name for name in ARGUMENTS.only.split(",") if name}
    groups = {name for name in ARGUMENTS.group.split(",") if name}
    unknown = only - {row.id for row in rows} - set(benign.names()) | groups - set(GROUPS) - {"benign"}
    if unknown:
        raise SystemExit(f"evasion: unknown: {', '.join(sorted(unknown))}")
    return ([row for row in rows if (not only or row.id in only) and (not groups or row.group in groups)],
            [name for name in benign.names() if (not only or name in only) and (not groups or "benign" in groups)])


def print_expectation(kernel, rows):
    print(f"kernel {kernel.name}")
    for row in rows:
        print(f"{row.id:<26} {'not here: ' + row.hook if kernel.lacks(row) else 'caught by ' + ' or '.join(row.rules)}")


def summarise(results, benign_results, seconds):
    absent = [f"{result.id}: {result.why}" for result in results if result.state in ("guest-only", "impossible")]
    tried = [result for result in results if result.state not in ("guest-only", "impossible")]
    caught = sum(result.state == "caught" for result in tried)
    alerts = sum(result.alerts for result in benign_results)
    failed = [result.id for result in [*results, *benign_results] if result.state == "failed"]
    print(f"\n{len(results)} rows and {len(benign_results)} benign in {seconds:.0f} s")
    if failed:
        print(f"could not be played: {', '.join(failed)}")
    print(f"guest-only: {len(absent)} ({'; '.join(absent)})")
    print(f"evasion: caught {caught} of {len(tried)}, benign alerts {alerts}")
    return 0 if caught == len(tried) and alerts == 0 and not failed else 1


def main():
    rows, quiet = select(table.read_rows())
    kernel = Kernel()
    if ARGUMENTS.guest:
        print_expectation(kernel, rows)
        return 0
    if ARGUMENTS.record:
        os.makedirs(ARGUMENTS.record, exist_ok=True)
    began = time.monotonic()
    with w.World() as world:
        print(f"{'id':<26} {'tier':<10} {'caught by':<36} {'after':>10} {'late':>6}  {'took':>6}")
        results = play_rows(world, kernel, rows)
        benign_results = benign.play_all(world, quiet, ARGUMENTS)
    if ARGUMENTS.json:
        with open(ARGUMENTS.json, "w", encoding="utf-8") as file:
            json.dump({"kernel": kernel.name, "rows": [dataclasses.asdict(result) for result in results],
                       "benign": [dataclasses.asdict(result) for result in benign_results]}, file, indent=1)
    return summarise(results, benign_results, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
