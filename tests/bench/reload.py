"""Reloads of 2 000 rules while the host is busy: is an event lost, and how much longer does an alert take?"""
import os
import signal
import subprocess
import time

import harness

RULES = 2000
MARKED = 64          # rules whose alerts are timed; the agent opens at most 100 alerts of one rule a minute
PAUSE_SECONDS = 0.004
RELOAD_SECONDS = 1   # between two reloads


def rules_text(version):
    """2 000 rules as they are written in practice: on names below lists, every tenth with a memory. One of them changes."""
    parts = [f"- list: tools_{i}\n  items: [{', '.join(f'tool-{i}-{j}' for j in range(20))}]\n" for i in range(50)]
    for i in range(MARKED):
        parts.append(f"- rule: Marked {i}\n  desc: d\n  condition: evt.type = execve and proc.exe = marked-{i}\n"
                     "  output: 'mark %proc.exe %proc.args'\n  priority: NOTICE\n")
    for i in range(RULES - MARKED):
        parts.append(f"- rule: Rule {i}\n  desc: d\n  priority: NOTICE\n  output: '%proc.cmdline of %proc.pname'\n"
                     f"  condition: evt.type = execve and proc.name in (tools_{i % 50}) and proc.pname = parent-{i} and "
                     f"not proc.cmdline contains \"--version {version if i == 0 else 0}\"\n")
        if i % 10 == 0:
            parts.append("  aggregate: {count: true, by: [proc.tree], window: 10m, over: 5}\n")
    return "".join(parts)


def replace_file(path, text):
    """As an editor does: a reader sees the former text or the new one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)


class Causes:
    """Programs that are started one by one, each for an alert of its own."""

    def __init__(self, agent):
        self.agent = agent
        self.waiting = {}
        self.count = 0
        self.lost = 0

    def make(self, seconds, each=lambda: None):
        """Delays in ns, from before the start of each to its alert."""
        delays, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            mark = [f"marked-{self.count % MARKED}", str(self.count)]
            self.count += 1
            self.waiting[" ".join(mark)] = time.monotonic_ns()
            os.waitpid(os.posix_spawn("/bin/true", mark, {}), 0)
            each()
            self.take(delays, PAUSE_SECONDS)
        self.take(delays, 5)
        self.lost += len(self.waiting)
        self.waiting.clear()
        return delays

    def take(self, delays, seconds):
        end = time.monotonic() + seconds
        while self.waiting and (left := end - time.monotonic()) > 0:
            try:
                line = self.agent.lines.get(timeout=left)
            except harness.queue.Empty:
                return
            mark = line.text.partition('"output":"mark ')[2].partition('"')[0]
            if mark in self.waiting:
                delays.append(line.time_ns - self.waiting.pop(mark))
        if (left := end - time.monotonic()) > 0 and seconds == PAUSE_SECONDS:
            time.sleep(left)


class Reloads:
    """A changed file and a SIGHUP, again and again."""

    def __init__(self, agent, path):
        self.agent, self.path = agent, path
        self.count, self.next = 0, 0
        self.texts = [rules_text(version) for version in (1, 2)]  # made before: it takes longer than a reload

    def __call__(self):
        if time.monotonic() < self.next:
            return
        replace_file(self.path, self.texts[self.count % 2])
        self.agent.process.send_signal(signal.SIGHUP)
        self.count += 1
        self.next = time.monotonic() + RELOAD_SECONDS


def measure(site, seconds):
    folder, path = site.work / "reload-flood", site.work / "reload.yaml"
    harness.write_model(folder / "shared.safetensors", 1 << 20)
    replace_file(path, rules_text(0))
    seconds = max(5, min(seconds, 12))
    with site.agent(site.config([f"{folder}/*.safetensors"]), ("--rules", str(path))) as agent:
        causes, reloads = Causes(agent), Reloads(agent, path)
        with subprocess.Popen([str(site.bench / "flood"), str(folder), str(2 * seconds + 2), "1"],
                              stdout=subprocess.DEVNULL):
            calm = causes.make(seconds)
            reloading = causes.make(seconds, reloads)
    stats = site.stats()
    ring_full = sum(row["ring_full"] + row["map_full"] for row in stats.get("lost", {}).values())
    return {"rules": stats.get("rules", {}), "asked_for": reloads.count, "causes": causes.count, "lost": causes.lost,
            "records_lost": ring_full, "calm_ns": calm, "reloading_ns": reloading}
