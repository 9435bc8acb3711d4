"""Runs build/tensorwarden for a test: start until ready, wait for alerts, stop."""

import json
import os
import signal
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TENSORWARDEN", os.path.join(ROOT, "build", "tensorwarden"))


class Agent:
    """One running agent; alerts are collected as it prints them."""

    def __init__(self, config, *flags):
        self._changed = threading.Condition()
        self._lines = []
        self.ready = False
        self.process = subprocess.Popen(
            [BINARY, "run", "--config", config, "--rules", os.path.join(ROOT, "rules"), "--output", "json", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.errors = []
        self.alerts = []
        for stream, take in ((self.process.stdout, self._take_alert), (self.process.stderr, self._take_error)):
            threading.Thread(target=self._read, args=(stream, take), daemon=True).start()

    def _read(self, stream, take):
        for line in stream:
            with self._changed:
                take(line)
                self._changed.notify_all()
        stream.close()

    def _take_alert(self, line):
        alert = json.loads(line)
        alert["_seen"] = time.time()
        self.alerts.append(alert)

    def _take_error(self, line):
        self.errors.append(line.rstrip())
        self.ready |= line.startswith("tensorwarden: ready")

    def wait_ready(self, seconds=30):
        with self._changed:
            if not self._changed.wait_for(lambda: self.ready or self.process.poll() is not None, seconds):
                raise TimeoutError("the agent is not ready: " + " | ".join(self.errors))
        if not self.ready:
            raise RuntimeError("the agent ended: " + " | ".join(self.errors))
        return self

    def wait_alert(self, matches, seconds=10):
        """The first alert that `matches`; a TimeoutError lists what came instead."""
        def find():
            return next((a for a in self.alerts if matches(a)), None)
        with self._changed:
            if not self._changed.wait_for(find, seconds):
                raise TimeoutError("no such alert; seen: %s; stderr: %s" %
                                   ([(a["rule"], a["summary"]) for a in self.alerts], self.errors[-3:]))
            return find()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def run_verb(*arguments, timeout=60, prefix=()):
    """One short run of the program: the CompletedProcess, text captured."""
    return subprocess.run([*prefix, BINARY, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
