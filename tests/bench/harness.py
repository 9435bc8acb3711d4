"""What the measurements share: programs that are started, waited for and ended, and the agent's own figures."""
import contextlib
import ctypes
import json
import os
import pathlib
import queue
import shutil
import signal
import struct
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORT = 18080
IN_CREATE = 0x100
READY_SECONDS = 60


class Line:
    """A line of a program's output and when it came (CLOCK_MONOTONIC, ns)."""

    def __init__(self, text):
        self.text = text
        self.time_ns = time.monotonic_ns()


class Program:
    """A child whose output lines arrive in a queue; ended by closing its input, or by SIGTERM."""

    def __init__(self, argv, log=None, stop_by_input=True):
        self.argv = argv
        self.lines = queue.Queue()
        self.log = open(log, "a", encoding="utf-8") if log else None
        self.stop_by_input = stop_by_input
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.threads = [threading.Thread(target=self._pump, args=(stream,), daemon=True)
                        for stream in (self.process.stdout, self.process.stderr)]
        for thread in self.threads:
            thread.start()

    def _pump(self, stream):
        for text in stream:
            self.lines.put(Line(text.rstrip("\n")))
            if self.log:
                self.log.write(text)

    def wait_for(self, word, seconds=READY_SECONDS):
        """The first line with `word`. Raises when it does not come."""
        end, seen = time.monotonic() + seconds, []
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                line = self.lines.get(timeout=0.1)
                seen.append(line.text)
                if word in line.text:
                    return line
                continue
            if self.process.poll() is not None and self.lines.empty():
                break
        raise RuntimeError(f"{self.argv[0]} never said '{word}': " + " / ".join(seen[-5:]))

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            if not self.stop_by_input:
                self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for thread in self.threads:
            thread.join(5)
        if self.log:
            self.log.close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def write_model(path, size):
    """A safetensors file of `size` bytes with one tensor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = size - 256
    header = json.dumps({"weight": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode()
    header = header.ljust(256 - 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        block = os.urandom(min(count, 1 << 20))
        while count > 0:
            out.write(block[:min(count, len(block))])
            count -= len(block)


class Watch:
    """One inotify watch that has nothing to do with any file of the measurement, but lies on their file system."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, os.fsencode(folder), IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def stop(self):
        os.close(self._fd)


def cgroup2_mount():
    with open("/proc/mounts", encoding="utf-8") as mounts:
        return next(pathlib.Path(line.split()[1]) for line in mounts if line.split()[2] == "cgroup2")


class Site:
    """The scene of a measurement: a working folder on a disk, a model, a confirmed server that holds it, configs."""

    def __init__(self, out, work):
        self.out = pathlib.Path(out).resolve()
        self.work = pathlib.Path(work)
        self.bench = self.out / "bench"
        self.model = self.work / "models" / "model.safetensors"
        write_model(self.model, 64 << 20)
        self.cgroup = cgroup2_mount() / f"tw-bench-{os.getpid()}"
        self.cgroup.mkdir()

    def close(self):
        self.cgroup.rmdir()

    def assets(self, count):
        """The glob of `count` small models."""
        folder = self.work / f"assets-{count}"
        if not folder.exists():
            for number in range(count):
                write_model(folder / f"{number // 100}" / f"{number}.safetensors", 4096)
        return f"{folder}/**"

    def copy(self, program, name):
        """Of a program of ours, for a role of its own: the agent knows programs by their file."""
        return shutil.copy(self.bench / program, self.work / name)

    def config(self, assets=(), confirmed=()):
        """A config with the default rules, the model, further asset globs and programs with a confirmed role; discovery
        of other models is off, so that a measurement does not depend on what else lies on the host."""
        globs = [str(self.model), *assets]
        path = self.work / f"config-{len(globs)}-{len(confirmed)}.yaml"
        path.write_text(
            f"state_dir: {self.work}/state\n"
            "discover: false\n"
            "assets:\n" + "".join(f"  - {{name: bench-{i}, paths: ['{glob}']}}\n" for i, glob in enumerate(globs)) +
            "workloads:\n"
            f"  - {{name: bench-server, role: inference, serving_ports: [{PORT}], confirm: {{exe: {self.bench}/server}}}}\n" +
            "".join(f"  - {{name: bench-{i}, role: inference, confirm: {{exe: {exe}}}}}\n" for i, exe in enumerate(confirmed)) +
            "outputs:\n  - {type: stdout, format: json}\n")
        (self.work / "state").mkdir(exist_ok=True)
        return path

    def server(self):
        """In a control group of its own, as a service manager or container runtime would start it."""
        enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
        program = Program(["/bin/sh", "-c", enter, str(self.cgroup), str(self.bench / "server"), str(PORT),
                           str(self.model)])
        program.wait_for("serving")
        return program

    def crowd(self, processes, program=None, asset=None):
        """So many processes that stand still, carriers of `asset`."""
        crowd = Program([str(program or self.bench / "crowd"), str(processes), *((str(asset),) if asset else ())])
        crowd.wait_for("ready", 120)
        return crowd

    def agent(self, config=None, extra=()):
        """The agent, ready. Its counters are in work/stats.json after stop()."""
        argv = [str(self.out / "tensorwarden"), "run", "--config", str(config or self.config()), "--stats",
                str(self.work / "stats.json"), *extra]
        program = Program(argv, self.out / "bench" / "agent.log", stop_by_input=False)
        try:
            program.wait_for("ready")
        except RuntimeError:
            program.stop()
            raise
        return program

    def empty(self, names):
        program = Program([str(self.bench / "attach_empty"), str(self.bench / "empty.bpf.o"), names])
        program.wait_for("attached")
        return program

    def inotify(self):
        """What systemd and udev have on any host's root file system."""
        (self.work / "watched").mkdir(exist_ok=True)
        return Watch(self.work / "watched")

    def stats(self):
        """The agent's last counters; {} when it wrote none."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.work / "stats.json").read_text().strip().splitlines()[-1])
        return {}

    def callcost(self, chunks, cases=(), program=None, asset=None):
        """{case: best ns per call}"""
        out = subprocess.run([str(program or self.bench / "callcost"), "-d", str(self.work), "-c", str(chunks), "-p",
                              str(PORT), *(("-a", str(asset)) if asset else ()), *cases],
                             check=True, capture_output=True, text=True).stdout
        return {row["case"]: row["best"] for row in map(json.loads, out.splitlines())}


def fdinfo(pid):
    """What the kernel says of each descriptor of a process: [{name: value}]."""
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            yield dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)


def stage(pid):
    """Of an agent's escalation: the first is one hook at the end of all calls, the second one for each listed call."""
    links = [facts for facts in fdinfo(pid) if "link_type" in facts]
    if any(link["link_type"] == "perf" for link in links):
        return 2
    return int(any(link.get("tp_name") == "sys_exit" for link in links))


class Usage:
    """Processor time and memory of a process between two moments."""

    def __init__(self, pid):
        self.pid = pid
        self.start = (time.monotonic(), self._ticks())

    def _ticks(self):
        text = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        fields = text[text.rindex(")") + 2:].split()
        return int(fields[11]) + int(fields[12])  # utime, stime

    def read(self):
        """{"cpu_percent", "rss_bytes", "bpf_bytes"}; the last is what its maps and programs lock in the kernel."""
        seconds = time.monotonic() - self.start[0]
        ticks = self._ticks() - self.start[1]
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        rss = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
        locked = {}
        for facts in fdinfo(self.pid):
            if "memlock" in facts:
                locked[facts.get("map_id") or "program " + facts.get("prog_id", "")] = int(facts["memlock"])
        return {"cpu_percent": 100 * ticks / os.sysconf("SC_CLK_TCK") / seconds, "rss_bytes": rss,
                "bpf_bytes": sum(locked.values())}
