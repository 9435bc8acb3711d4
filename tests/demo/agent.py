"""The agent under demonstration: started, read, stopped, and its capture replayed."""

import json
import os
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, "build", "tensorwarden")
RULES = os.path.join(ROOT, "rules")
READY = "tensorwarden: ready"

CONFIG = """\
state_dir: {work}/state
assets:
  - {{name: demo-model, class: model, paths: ["{work}/models/model*.pt"]}}
  - {{name: demo-checkpoints, class: checkpoint, paths: ["{work}/models/checkpoint*.pt"]}}
workloads:
  - {{name: trainer, role: training, confirm: {{cgroup: /{group}/trainer}}}}
  - {{name: server, role: inference, confirm: {{cgroup: /{group}/server}}}}
  - {{name: backup, role: registry, confirm: {{cgroup: /{group}/backup}}}}
"""
FILE_OUTPUT = "outputs:\n  - {{type: file, format: json, path: {work}/alerts.json}}\n"


class Agent:
    """Alerts are collected as the agent prints them, each with the time at which its line came as `seen`."""

    def __init__(self, stage, group, capture):
        self._changed = threading.Condition()
        self._errors = []
        self._capture = capture
        self._replay_config = stage.path("replay.yaml")
        self.file = stage.path("alerts.json")
        self.alerts = []
        self.strange = []  # lines of stdout that are no alerts
        config = stage.path("tensorwarden.yaml")
        text = CONFIG.format(work=stage.work, group=group)
        for path, content in ((self._replay_config, text), (config, text + FILE_OUTPUT.format(work=stage.work))):
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        self._process = stage.start("agent", BINARY, "run", "--config", config, "--rules", RULES, "--output", "json",
                                    "--record", capture, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for stream, take in ((self._process.stdout, self._take_alert), (self._process.stderr, self._errors.append)):
            threading.Thread(target=self._read, args=(stream, take), daemon=True).start()

    def _read(self, stream, take):
        for line in stream:
            with self._changed:
                take(line.rstrip())
                self._changed.notify_all()

    def _take_alert(self, line):
        try:
            self.alerts.append({**json.loads(line), "seen": time.time()})
        except ValueError:
            self.strange.append(line)

    def errors(self):
        return " | ".join(self._errors[-5:])

    def wait_ready(self, seconds=30):
        def over():
            return self._process.poll() is not None or any(line.startswith(READY) for line in self._errors)
        deadline = time.monotonic() + seconds
        with self._changed:
            while not over() and time.monotonic() < deadline:
                self._changed.wait(0.1)
        if not any(line.startswith(READY) for line in self._errors):
            raise RuntimeError("the agent did not get ready: " + self.errors())

    def opened(self):
        """Updates of an alert are not counted."""
        return [alert for alert in list(self.alerts) if alert["activity"] == "open"]

    def wait_open(self, matches, seconds):
        """The first opened alert that `matches`, or None."""
        def find():
            return next((alert for alert in self.opened() if matches(alert)), None)
        with self._changed:
            self._changed.wait_for(find, seconds)
            return find()

    def stop(self):
        self._process.terminate()
        if self._process.wait(20) != 0:
            raise RuntimeError(f"the agent ended with {self._process.returncode}: " + self.errors())

    def replay(self):
        """The alerts of a replay of the capture."""
        command = [BINARY, "replay", "--config", self._replay_config, "--rules", RULES, "--output", "json",
                   self._capture]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError("replay: " + done.stderr.strip())
        return [json.loads(line) for line in done.stdout.splitlines()]


def essence(alerts):
    """What must be the same in each run over one stream of events."""
    return [{key: value for key, value in alert.items() if key != "seen"}
            for alert in alerts if alert["activity"] in ("open", "update")]
