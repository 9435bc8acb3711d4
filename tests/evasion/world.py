"""What all rows share: the host outside, control groups, one lock; and the end of all of it."""

import fcntl
import glob
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from demo.stage import cgroup2_mount, empty_cgroup  # noqa: E402
from support.peer_host import make_host  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
NAME = "tw-evasion"          # of the namespace, the link, the control group; and how all folders begin
JAIL = NAME + "-jail"        # a second namespace on this machine, with a link of its own to the host outside
SUBNET, JAIL_SUBNET = "10.79.0", "10.80.0"
NEAR, OUTSIDE, PORT = SUBNET + ".1", SUBNET + ".2", 9000
DESTINATIONS = 20            # addresses of the host outside, from OUTSIDE on
WORK = "/var/tmp/" + NAME    # ext4 on a usual host: tmpfs has no read events
SHM = "/dev/shm/" + NAME


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


def stop_group(folder):
    for path, _, _ in os.walk(folder, topdown=False):
        empty_cgroup(path)


def unmount_below(folder):
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        points = [line.split()[1] for line in mounts]
    for point in reversed(points):
        if point.startswith(folder + "/"):
            run("umount", "-l", point, check=False)  # a loop device goes with its mount


def remove_leftovers(cgroups):
    """What a suite that was killed has left behind, or this one is about to."""
    stop_group(cgroups)
    for name in (NAME, JAIL):
        if os.path.exists(f"/run/netns/{name}"):
            run("ip", "netns", "del", name, check=False)
    if os.path.exists(f"/sys/class/net/{NAME}"):
        run("ip", "link", "del", NAME, check=False)
    unmount_below(WORK)
    for path in [WORK, SHM, *glob.glob(f"/dev/shm/{NAME}-*")]:
        shutil.rmtree(path, ignore_errors=True)
        if os.path.isfile(path):
            os.unlink(path)


class Outside:
    """outside.py in its namespace. One question at a time, each with one answer."""

    def __init__(self, world):
        self._process = world.start("outside", ["ip", "netns", "exec", NAME, PYTHON, os.path.join(HERE, "outside.py"),
                                                OUTSIDE, str(PORT), NEAR],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
        if self._process.stdout.readline().strip() != "listening":
            raise RuntimeError("the host outside did not get ready")

    def do(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise RuntimeError(f"the host outside, told to {command[:40]}: {answer or 'is gone'}")
        return answer


class World:
    """Use as a context manager; whatever ends it, nothing stays behind."""

    def __enter__(self):
        # The kernel lets go of the lock when the suite ends, however it ends.
        self._lock = open(f"/run/{NAME}.lock", "w", encoding="utf-8")  # pylint: disable=consider-using-with
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("evasion: another run is under way on this machine") from None
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._interrupted)
        self.cgroups = os.path.join(cgroup2_mount(), NAME)
        remove_leftovers(self.cgroups)
        try:
            os.mkdir(WORK, 0o755)
            os.mkdir(SHM, 0o755)
            os.mkdir(self.cgroups)
            self._make_networks()
            self.outside = Outside(self)
        except BaseException:
            self.__exit__()
            raise
        return self

    @staticmethod
    def _interrupted(signum, _):
        raise SystemExit(128 + signum)

    def __exit__(self, *unused):
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)  # cleaning up is not interrupted
        remove_leftovers(self.cgroups)
        self._lock.close()

    @staticmethod
    def _make_networks():
        make_host(NAME, link=NAME, near=NEAR, far=OUTSIDE)
        for number in range(3, 2 + DESTINATIONS):
            run("ip", "-n", NAME, "addr", "add", f"{SUBNET}.{number}/24", "dev", "eth0")
        run("ip", "netns", "add", JAIL)
        run("ip", "-n", JAIL, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1", "netns", NAME)
        for name, device, last in ((JAIL, "eth0", 1), (NAME, "eth1", 2)):
            run("ip", "-n", name, "addr", "add", f"{JAIL_SUBNET}.{last}/24", "dev", device)
            run("ip", "-n", name, "link", "set", device, "up")

    def start(self, group, command, **options):
        """Starts a program as a job of its own: in the control group `group`, as a service manager would."""
        folder = os.path.join(self.cgroups, group)
        os.makedirs(folder, exist_ok=True)
        enter = 'echo $$ > "$0" && exec "$@"'
        return subprocess.Popen(["/bin/sh", "-c", enter, os.path.join(folder, "cgroup.procs"), *command], text=True,
                                start_new_session=True, **{"stdin": subprocess.DEVNULL, **options})

    def stop(self, *groups):
        """Ends every process of these groups, also those that left their session."""
        for group in groups:
            stop_group(os.path.join(self.cgroups, group))
