"""How each row is played: most acts are a program that is run to its end; the others are here by name."""

import csv
import dataclasses
import glob
import os
import signal
import time

import world as w
from support import agent_process

TECHNIQUES = os.path.join(w.HERE, "..", "data", "evasion.tsv")
EXPECTED = os.path.join(w.HERE, "expected.tsv")

PLACES = {"read-tmpfs": "shm", "copy-reflink": "xfs", "read-blockdev": "ext4"}
NEED_SERVER = {"read-procmem", "read-vmreadv", "read-ptrace", "read-coredump", "pass-pidfd-getfd", "send-serving-port",
               "change-mount-over"}
# The share of the model that the act takes, where that is not all of it; datagrams may be lost on the way.
SHARES = {"read-ptrace": 0.25, "send-dns": 0.25, "send-udp": 0.5, "send-raw": 0.5}
# What they pass the bytes through has no tracepoint of its own: if they are caught, then by the system-call hooks.
BY_SYSCALLS = {"read-tmpfs", "copy-vmsplice-tee", "copy-memfd", "copy-shm", "copy-sysvshm", "copy-anon-shared",
               "copy-tar-gz-enc", "pass-pipe", "pass-fifo", "pass-unix-splice", "pass-exec-thread", "pass-tmux-like"}
# What comes is not the model's bytes one by one.
OPAQUE = {"copy-tar-gz-enc", "send-dns"}


@dataclasses.dataclass
class Row:
    id: str
    group: str
    what: str
    rules: list          # any of these names it
    hook: str = ""       # what this row needs that not every kernel has; empty: nothing

    @property
    def place(self):
        return PLACES.get(self.id, "disk")

    @property
    def share(self):
        return SHARES.get(self.id, 1.0)

    def command(self):
        script = glob.glob(os.path.join(w.HERE, self.group, self.id + ".sh"))
        if script:
            return ["/bin/sh", script[0]]
        return [os.path.join(os.path.dirname(agent_process.BINARY), "evasion", self.id)]


def read_rows():
    with open(TECHNIQUES, encoding="utf-8") as file:
        techniques = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    with open(EXPECTED, encoding="utf-8") as file:
        expected = {line["id"]: line for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    rows = []
    for technique in techniques:
        wanted = expected.pop(technique["id"], None)
        if wanted is None:
            raise SystemExit(f"{EXPECTED}: no line for {technique['id']}")
        hook = (wanted["missing hook"] or "") if wanted["where"] == "guest-only" else ""
        rows.append(Row(technique["id"], technique["group"], technique["what the thief or tamperer does"],
                        wanted["rules"].split("|"), hook))
    if expected:
        raise SystemExit(f"{EXPECTED}: {TECHNIQUES} does not know {', '.join(expected)}")
    return rows


# --- the acts that are more than one program ---

def play_plain(scene, row):
    scene.start_agent()
    if row.id in NEED_SERVER:
        scene.start_server()
    scene.play(row.command())


def play_second_write(scene, row):
    scene.start_agent()
    first = 'printf first | dd of="$EV_MODEL" bs=1 seek=5242880 conv=notrunc 2>/dev/null'
    scene.play(["/bin/sh", "-c", first], "trainer")
    scene.play(row.command())


def play_late_start(scene, row):
    act = scene.start_act(row.command())
    scene.wait_line(act, "read")
    scene.start_agent()
    go_on(scene, act)


def play_restart_gap(scene, row):
    agent = scene.start_agent()
    act = scene.start_act(row.command())
    began = time.time()
    scene.wait_line(act, "read")
    scene.wait_saved_after(began)
    agent.kill()
    scene.start_agent()
    go_on(scene, act)


def play_sigstop(scene, row):
    agent = scene.start_agent()
    agent.process.send_signal(signal.SIGSTOP)
    try:
        scene.play(row.command())
    finally:
        agent.process.send_signal(signal.SIGCONT)


def go_on(scene, act):
    act.stdin.write("x")
    act.stdin.flush()
    scene.finish_act(act)


PLAYS = {"change-second-write": play_second_write, "self-late-start": play_late_start,
         "self-restart-gap": play_restart_gap, "self-sigstop": play_sigstop}


def play(scene, row):
    PLAYS.get(row.id, play_plain)(scene, row)
