"""One row's own world: its folder, its model, its agent, its server, and the act that is played in it."""

import datetime
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import world as w

sys.path.insert(0, os.path.join(w.HERE, ".."))
from support import agent_process  # noqa: E402

MODEL_BYTES = 16 << 20
STEP = 8 << 20          # of writing: steps this large give folios of 2 MiB where the file system has them
ALERTABLE = 256 << 10   # the smallest amount that can alert, egress.min_bytes
SERVING_PORT = 18077
NEEDLES, NEEDLE_BYTES = 64, 48
CANNOT = 77             # exit status of an act that this kernel or machine cannot do
ASSET = "ev-model"
CONFIG = """\
state_dir: {work}/state
discover: false
assets:
  - {{name: {asset}, class: model, paths: ["{models}/**"]}}
workloads:
  - {{name: server, role: inference, confirm: {{cgroup: /{group}/server}}, serving_ports: [{port}]}}
  - {{name: trainer, role: training, confirm: {{cgroup: /{group}/trainer}}}}
  - {{name: backup, role: registry, confirm: {{user: "34"}}}}
"""


class Impossible(Exception):
    """This kernel or machine cannot do the act; says why."""


class Failed(Exception):
    """The act did not do what its row says, so the row says nothing about the agent."""


class Agent(agent_process.Agent):
    def opened_between(self, matches, since):
        return [alert for alert in self.opened()[since:] if matches(alert)]


class Scene:
    """Use as a context manager, once. `place`: where the model lies: "disk" (the file system of /var/tmp), "shm", or
    "xfs" or "ext4", file systems of their own on a loop device."""

    def __init__(self, world, row_id, place="disk", patience=1.0, record=None):
        self.world = world
        self.work = os.path.join(w.WORK, row_id)
        self.place = place
        self.patience = patience
        self.record = record and os.path.join(record, row_id + ".capture")
        self.agent = self.server = None
        self.actors, self.notes = [], []

    def __enter__(self):
        os.mkdir(self.work)
        for folder in ("state", "act"):
            os.mkdir(self.path(folder))
        os.chmod(self.path("act"), 0o777)  # acts are not all root's
        self.models = {"disk": self.path("models"), "shm": os.path.join(w.SHM, "models")}.get(self.place, self.path("disk/models"))
        try:
            if self.place in ("xfs", "ext4"):
                self._mount_image(["mkfs." + self.place, "-q"])
            os.mkdir(self.models, 0o755)
            self.model = os.path.join(self.models, "weights.safetensors")
            self._write_model()
            self._write_config()
        except BaseException:
            self.__exit__()
            raise
        self.world.outside.do("reset " + ",".join(self.needles))
        return self

    def __exit__(self, *unused):
        if self.agent:
            self.stop_agent()
        self.world.stop("act", "server", "trainer")
        w.unmount_below(self.work)
        for folder in (self.work, self.models):
            shutil.rmtree(folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def _mount_image(self, make):
        os.mkdir(self.path("disk"))
        with open(self.path("image"), "wb") as image:
            image.truncate(512 << 20)
        done = w.run(*make, self.path("image"), check=False)
        if done.returncode == 0:
            done = w.run("mount", "-o", "loop", self.path("image"), self.path("disk"), check=False)
        if done.returncode != 0:
            raise Impossible(f"no {self.place} on a loop device here: " + done.stderr.strip().splitlines()[-1])

    def _write_model(self):
        header = json.dumps({"w": {"dtype": "U8", "shape": [MODEL_BYTES], "data_offsets": [0, MODEL_BYTES]}}).encode()
        header += b" " * (-len(header) % 8)
        content = len(header).to_bytes(8, "little") + header + os.urandom(MODEL_BYTES)
        with open(self.model, "wb", buffering=0) as file:
            for at in range(0, len(content), STEP):
                file.write(content[at:at + STEP])
            os.fsync(file.fileno())
        self.size = len(content)
        self.digest = hashlib.sha256(content).hexdigest()
        places = random.sample(range(0, MODEL_BYTES - NEEDLE_BYTES), NEEDLES)
        self.needles = [content[at:at + NEEDLE_BYTES].hex() for at in places]

    def _write_config(self):
        with open(self.path("config.yaml"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(work=self.work, asset=ASSET, models=self.models, group=w.NAME, port=SERVING_PORT))

    # --- the agent ---

    def start_agent(self):
        flags = ["--stats", self.path("stats")]
        if self.record:
            flags += ["--record", self.record]
        self.agent = Agent.launch(self.path("config.yaml"), *flags).wait_ready(30 * self.patience)
        return self.agent

    def stop_agent(self):
        """SIGTERM, and an end in any case."""
        try:
            self.agent.stop()
        except subprocess.TimeoutExpired:
            self.agent.kill()

    def wait_saved_after(self, since):
        """The agent saves within 100 ms of a new carrier: waits for a state file that is newer than `since`, and for
        some more time, since that one may have been begun before the carrier was known."""
        state = self.path("state", "state")
        deadline = time.monotonic() + 10 * self.patience
        settled = time.time() + 0.3 * self.patience
        while not (time.time() > settled and os.path.exists(state) and os.stat(state).st_mtime > since):
            if time.monotonic() > deadline:
                self.notes.append("no state was saved for the carrier")
                return
            time.sleep(0.01)

    def stats(self):
        try:
            with open(self.path("stats"), encoding="utf-8") as file:
                return json.loads(file.read().splitlines()[-1])
        except (OSError, ValueError, IndexError):
            return {}

    # --- the server ---

    def start_server(self, log=""):
        command = [w.PYTHON, os.path.join(w.HERE, "server.py"), self.model, str(SERVING_PORT), log]
        self.server = self.world.start("server", command, stdout=subprocess.PIPE, cwd=self.path("act"))
        if self.server.stdout.readline().strip() != "ready":
            raise Failed("the server did not start")

    # --- the act ---

    def environment(self):
        return {**os.environ, "EV_MODEL": self.model, "EV_MODELS": self.models, "EV_WORK": self.path("act"),
                "EV_HOST": w.OUTSIDE, "EV_PORT": str(w.PORT), "EV_WEB": f"http://{w.OUTSIDE}:8080", "EV_LINK": w.NAME,
                "EV_BIN": os.path.join(os.path.dirname(agent_process.BINARY), "evasion"),
                "EV_SERVER_PID": str(self.server.pid if self.server else 0), "EV_SERVER_PORT": str(SERVING_PORT),
                "EV_OTHER_NETNS": "/run/netns/" + w.JAIL, "EV_OTHER_HOST": w.JAIL_SUBNET + ".2",
                "EV_TRAINER_GROUP": os.path.join(self.world.cgroups, "trainer", "cgroup.procs")}

    def start_act(self, command, group="act"):
        self._errors = open(self.path(group + "-errors"), "w+", encoding="utf-8")  # pylint: disable=consider-using-with
        return self.world.start(group, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                                cwd=self.path("act"), env=self.environment())

    def wait_line(self, act, wanted):
        """Goes through what the act says until it says `wanted`, or, when that is None, nothing any more."""
        for line in act.stdout:
            verb, _, rest = line.strip().partition(" ")
            if verb == wanted:
                return
            if verb == "actor":
                self.actors.append(int(rest))
            elif verb == "note":
                self.notes.append(rest)
            elif verb == "outside":
                self.world.outside.do(rest)
        if wanted:
            raise Failed(f"ended before it said '{wanted}': {self.last_error()}")

    def last_error(self):
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["no word"])[-1]

    def finish_act(self, act):
        """Until the act has ended and the host outside has all that it sent."""
        watchdog = threading.Timer(120 * self.patience, self.world.stop, ("act",))
        watchdog.start()
        try:
            self.wait_line(act, None)
            status = act.wait(60 * self.patience)
        finally:
            watchdog.cancel()
        if status == CANNOT:
            raise Impossible("; ".join(self.notes) or self.last_error())
        if status != 0:
            raise Failed(f"the act ended with {status}: {self.last_error()}")
        self.world.outside.do("settle")

    def play(self, command, group="act"):
        self.finish_act(self.start_act(command, group))

    # --- what came of it ---

    def stolen(self):
        """(bytes that came outside, share of the needles among them)."""
        return int(self.world.outside.do("total")), int(self.world.outside.do("found")) / NEEDLES

    def is_changed(self):
        """Whether the model's name leads to other bytes than before. Reads them: only when no agent looks on any more."""
        with open(self.model, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() != self.digest


def is_about_the_model(alert):
    return "asset" not in alert or alert["asset"].get("name") == ASSET


def happened(alert):
    """Seconds since 1970."""
    whole, _, rest = alert["time"].rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return moment + float("0." + (rest or "0"))
