"""The stage that the demo plays on: work folder, control groups, the other host, the processes. All of it goes away."""

import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.peer_host import make_host  # noqa: E402

ACTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "actors")
PYTHON = "/usr/bin/python3"  # Debian's, which has python3-torch
NAME = "tw-demo"             # of the network namespace, the host's end of the link, and the parent control group
HOST_ADDRESS, PEER_ADDRESS, PEER_PORT = "10.77.0.1", "10.77.0.2", 9000


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


def cgroup2_mount():
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    raise RuntimeError("no cgroup2 file system is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup/unified")


class Stage:
    """Use as a context manager; whatever ends it, nothing stays behind."""

    def __enter__(self):
        self.processes = []
        self.work = None  # made below, removed as a leftover
        self.cgroups = os.path.join(cgroup2_mount(), NAME)
        remove_leftovers(self.cgroups)
        try:
            self.work = tempfile.mkdtemp(prefix=NAME + "-")
            for folder in ("models", "backup", "scratch", "state"):
                os.mkdir(self.path(folder))
            os.mkdir(self.cgroups)
            self._make_host()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, signal.SIG_IGN)  # cleaning up is not interrupted
        for process in reversed(self.processes):
            stop(process)
        remove_leftovers(self.cgroups)

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def _make_host(self):
        make_host(NAME, link=NAME, near=HOST_ADDRESS, far=PEER_ADDRESS)

    def start(self, group, *command, **options):
        """Starts a program as a job of its own: in the control group `group`, as a service manager would."""
        folder = os.path.join(self.cgroups, group)
        os.makedirs(folder, exist_ok=True)
        enter = 'echo $$ > "$0" && exec "$@"'
        process = subprocess.Popen(["/bin/sh", "-c", enter, os.path.join(folder, "cgroup.procs"), *command],
                                   stdin=subprocess.DEVNULL, text=True, start_new_session=True, cwd=self.work, **options)
        self.processes.append(process)
        return process

    def play(self, group, *command, seconds=60):
        """Runs a program to its end; returns what it printed. RuntimeError when it fails."""
        process = self.start(group, *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = process.communicate(timeout=seconds)
        finally:
            stop(process)
        if process.returncode != 0:
            raise RuntimeError(f"{group}: {' '.join(command)} ended with {process.returncode}: {errors.strip()}")
        return output

    def actor(self, name):
        return [PYTHON, os.path.join(ACTORS, name + ".py")]


class OtherHost:
    """What the other host has received, upload by upload."""

    def __init__(self, stage):
        self._changed = threading.Condition()
        self._reports = []
        command = ["ip", "netns", "exec", NAME, *stage.actor("sink"), PEER_ADDRESS, str(PEER_PORT)]
        self._process = stage.start("other-host", *command, stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        self._wait(lambda report: report["what"] == "listening")

    def _read(self):
        for line in self._process.stdout:
            with self._changed:
                self._reports.append(json.loads(line))
                self._changed.notify_all()

    def _wait(self, wanted, seconds=20):
        def find():
            return next((report for report in self._reports if wanted(report)), None)
        with self._changed:
            if not self._changed.wait_for(find, seconds):
                raise TimeoutError("the other host is silent")
            return find()

    def time_of(self, path, size):
        """When `size` bytes of the upload to `path` had come."""
        return self._wait(lambda report: report.get("path") == path and report["bytes"] >= size)["time"]

    def url(self, path):
        return f"http://{PEER_ADDRESS}:{PEER_PORT}{path}"


def stop(process, seconds=10):
    """Ends a process and its session, gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)  # the session's other processes
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def remove_leftovers(cgroups):
    """What a demo that was killed has left behind, or this one is about to."""
    for folder, _, _ in os.walk(cgroups, topdown=False):
        empty_cgroup(folder)
    if os.path.exists(f"/run/netns/{NAME}"):
        run("ip", "netns", "del", NAME, check=False)
    if os.path.exists(f"/sys/class/net/{NAME}"):
        run("ip", "link", "del", NAME, check=False)
    for folder in glob.glob(os.path.join(tempfile.gettempdir(), NAME + "-*")):
        shutil.rmtree(folder, ignore_errors=True)


def empty_cgroup(folder, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        try:
            with open(os.path.join(folder, "cgroup.procs"), encoding="utf-8") as procs:
                for pid in procs.read().split():
                    os.kill(int(pid), signal.SIGKILL)
            os.rmdir(folder)
            return
        except (FileNotFoundError, ProcessLookupError):
            if not os.path.exists(folder):
                return
        except OSError:  # busy until the last process is reaped
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)
