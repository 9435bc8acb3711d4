"""build/tensorwarden as a child process: its alerts as they come, and its end."""

import json
import os
import signal
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.abspath(os.environ.get("TENSORWARDEN", os.path.join(ROOT, "build", "tensorwarden")))
RULES = os.path.join(ROOT, "rules")
READY = "tensorwarden: ready"


def run_command(config, *flags, rules=RULES):
    """The command line of a live agent that prints its alerts as JSON."""
    return [BINARY, "run", "--config", config, "--rules", rules, "--output", "json", *flags]


def run_verb(*arguments, timeout=60, prefix=()):
    """One short run of the program: the CompletedProcess, text captured."""
    return subprocess.run([*prefix, BINARY, *arguments], capture_output=True, text=True, timeout=timeout, check=False)


class Agent:
    """A running agent. `process` was started with run_command(), stdout and stderr as text pipes.

    Alerts are collected as it prints them, each with the time at which its line came as `seen`.
    """

    def __init__(self, process):
        self.process = process
        self.alerts = []
        self.errors = []   # lines of stderr
        self.strange = []  # lines of stdout that are no alerts
        self._changed = threading.Condition()
        for stream, take in ((process.stdout, self._take_alert), (process.stderr, self.errors.append)):
            threading.Thread(target=self._read, args=(stream, take), daemon=True).start()

    @classmethod
    def launch(cls, config, *flags, rules=RULES):
        return cls(subprocess.Popen(run_command(config, *flags, rules=rules), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True))

    def _read(self, stream, take):
        for line in stream:
            with self._changed:
                take(line.rstrip())
                self._changed.notify_all()
        stream.close()
        with self._changed:
            self._changed.notify_all()

    def _take_alert(self, line):
        try:
            self.alerts.append({**json.loads(line), "seen": time.time()})
        except ValueError:
            self.strange.append(line)

    def last_errors(self):
        return " | ".join(self.errors[-5:])

    def wait_ready(self, seconds=30):
        """Returns itself. RuntimeError, with what it said, when it ended or is not ready in time."""
        def is_ready():
            return any(line.startswith(READY) for line in self.errors)
        with self._changed:
            self._changed.wait_for(lambda: is_ready() or self.process.poll() is not None, seconds)
        if not is_ready():
            raise RuntimeError("the agent did not get ready: " + self.last_errors())
        return self

    def opened(self):
        """Updates of an alert are not counted."""
        return [alert for alert in list(self.alerts) if alert["activity"] == "open"]

    def wait_open(self, matches, seconds=10):
        """The first opened alert that `matches`, or None."""
        def find():
            return next((alert for alert in self.opened() if matches(alert)), None)
        with self._changed:
            self._changed.wait_for(find, seconds)
            return find()

    def wait_error(self, matches, since=0, seconds=10):
        """The first line of stderr from number `since` on that `matches`, or None."""
        def find():
            return next((line for line in self.errors[since:] if matches(line)), None)
        with self._changed:
            self._changed.wait_for(find, seconds)
            return find()

    def wait_evidence(self, alert_id, seconds=10):
        """The update that brings what was seen of the actor of this alert, or None."""
        def find():
            return next((alert for alert in list(self.alerts) if alert["id"] == alert_id
                         and set(alert.get("evidence", {})) - {"text"}), None)
        with self._changed:
            self._changed.wait_for(find, seconds)
            return find()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def replay(capture, config):
    """The alerts of a replay. RuntimeError when it fails."""
    done = run_verb("replay", capture, "--config", config, "--rules", RULES, "--output", "json")
    if done.returncode != 0:
        raise RuntimeError("replay: " + done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def essence(alerts):
    """What must be the same in each run over one stream of events."""
    return [{key: value for key, value in alert.items() if key != "seen"}
            for alert in alerts if alert["activity"] in ("open", "update")]
