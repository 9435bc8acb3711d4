"""How what the agent adds to a call grows with what is on the host: assets, processes, carriers."""
import contextlib
import itertools
import statistics
import time
import typing

import harness
import report

CASES = ("getppid", "open_close", "pread_file", "mmap_faults", "pipe", "udp_send")
ROUNDS = 5  # one takes a minute
LAST_ROUND_BEGINS_SECONDS = 270  # so that a busy machine does not take longer than six
LOOKS, CHUNKS = 4, 20  # a process's own pages make it a little faster or slower than the next: the best of four
SETTLE_SECONDS = 1  # the agent still works on what was started


class Scene(typing.NamedTuple):
    assets: int = 1
    processes: int = 10
    carriers: int = 0
    stage: int = 0  # of the escalation, held


# Carriers of a confirmed program leave the agent in its steady state; any other makes it escalate, so with those the
# smallest scene is an escalated one too. The largest crowd is last: its end keeps the agent busy for a while.
SERIES = {
    "assets": [Scene(), Scene(assets=100), Scene(assets=10_000)],
    "confirmed carriers": [Scene(), Scene(carriers=10), Scene(carriers=1000)],
    "processes": [Scene(), Scene(processes=1000), Scene(processes=20_000)],
    "unconfirmed carriers": [Scene(stage=2), Scene(carriers=10, stage=2), Scene(carriers=1000, stage=2)],
}


class Growth:
    """Scenes with as many assets and the same stage share a run of the agent: those differ by nothing but the scene."""

    def __init__(self, site):
        self.site = site
        # Reads of an asset have a process of their own: what a carrier does costs more.
        self.reader, self.holder = site.copy("callcost", "reader"), site.copy("crowd", "holder")
        scenes = dict.fromkeys(itertools.chain(*SERIES.values()))
        self.runs = {}
        for scene in scenes:
            self.runs.setdefault((scene.assets, scene.stage), []).append(scene)

    def agent(self, assets, stage):
        globs = [self.site.assets(assets - 1)] if assets > 1 else []
        config = self.site.config(globs, () if stage else (self.reader, self.holder))
        return self.site.agent(config, ("--escalate", str(stage)) if stage else ())

    def look(self, scene, agent):
        """({case: ns}, stage)"""
        holders = self.site.crowd(scene.carriers, self.holder, self.site.model)
        with self.site.crowd(scene.processes), holders:
            if agent:
                time.sleep(SETTLE_SECONDS)
            looks = [self.site.callcost(CHUNKS, CASES) for _ in range(LOOKS)]
            costs = {case: min(look[case] for look in looks) for case in CASES}
            # With system calls hooked the label would pass through the reader's output to us, and on to all that we start.
            if not scene.stage:
                costs |= self.site.callcost(LOOKS * CHUNKS, ["pread_asset"], self.reader, self.site.model)
            return costs, harness.stage(agent.process.pid) if agent else None

    def round(self, number):
        """[{"scene", "none", "agent", "stage"}]; what comes first turns from round to round."""
        rows = []
        for (assets, stage), scenes in self.runs.items():
            found = {}
            for with_agent in (True, False) if number % 2 else (False, True):
                with self.agent(assets, stage) if with_agent else contextlib.nullcontext() as agent:
                    found[with_agent] = [self.look(scene, agent) for scene in scenes]
            rows += [{"scene": scene._asdict(), "none": none[0], "agent": agent[0], "stage": agent[1]}
                     for scene, none, agent in zip(scenes, found[False], found[True])]
        return rows


def measure(site, rounds):
    growth, results, start = Growth(site), [], time.monotonic()
    while len(results) < min(rounds, ROUNDS) and time.monotonic() - start < LAST_ROUND_BEGINS_SECONDS:
        results.append(growth.round(len(results)))
        report.progress(f"growth: round {len(results)} of {min(rounds, ROUNDS)}")
    return results


def summarise(rounds):
    """[{"series", "sizes", "stages", "cases": {case: {"none", "added", "growth", "spread"}}}]: medians of the rounds, added
    per size; growth is that of the largest less that of the smallest in the same round."""
    tables = []
    for series, scenes in SERIES.items():
        rows = [[next(row for row in found if row["scene"] == scene._asdict()) for scene in scenes] for found in rounds]
        field = series.split()[-1]
        table = {"series": series, "sizes": [getattr(scene, field) for scene in scenes],
                 "stages": sorted({row["stage"] for found in rows for row in found}), "stage": scenes[0].stage, "cases": {}}
        for case in rows[0][0]["none"]:
            added = [[row["agent"][case] - row["none"][case] for row in found] for found in rows]
            growth = [one[-1] - one[0] for one in added]
            quartiles = statistics.quantiles(growth, n=4) if len(growth) > 1 else [0, 0, 0]
            table["cases"][case] = {"none": statistics.median(found[0]["none"][case] for found in rows),
                                    "added": [statistics.median(column) for column in zip(*added)],
                                    "growth": statistics.median(growth), "spread": quartiles[2] - quartiles[0]}
        tables.append(table)
    return tables
