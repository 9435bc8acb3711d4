#!/usr/bin/python3
"""Tensorwarden live on this host: ordinary work raises nothing, six thefts and tamperings raise one alert each.

Exits 0 only when exactly that happened, each alert came in time, and two replays of the capture gave the same alerts.
"""

import argparse
import fcntl
import os
import signal
import sys
import time
import traceback

import agent as agents
import report
import scenes
import stage as stages
from support.agent_process import essence

LOCK = "/run/tw-demo.lock"
SETTLE_SECONDS = 1.5  # what an alert may need to come, after all is over


def say(line):
    print(line, flush=True)


def play_scene(scene, agent, taken):
    """Plays one scene and finds its alert among those opened since; adds it to `taken`."""
    before = {alert["id"] for alert in agent.opened()}
    time_of_cause = scene.play()
    alert = agent.wait_open(lambda a: a["id"] not in before and scene.expects(a), seconds=5)
    if alert is None:
        return report.Outcome(scene.name, None)
    taken.add(alert["id"])
    # The other host counts what has arrived, so the alert may be there first.
    return report.Outcome(scene.name, alert, max(0.0, alert["seen"] - time_of_cause(alert)))


def check_upload(outcome, model_bytes, complaints):
    """The first scene's alert must come while most of the model is still here."""
    if outcome.alert is None:
        return
    counted = scenes.measured(outcome.alert)
    say(f"the upload's alert came when {counted / (1 << 20):.1f} of {model_bytes / (1 << 20):.0f} MiB were counted")
    if counted >= model_bytes / 2:
        complaints.append("the upload's alert came after half of the model had left")


def check_copies(agent, complaints):
    """The file output and two replays must tell the same as stdout did."""
    live = essence(agent.alerts)
    with open(agent.file, encoding="utf-8") as file:
        written = sum(1 for _ in file)
    if written != len(agent.alerts):
        complaints.append(f"the alert file has {written} lines, stdout had {len(agent.alerts)}")
    for number in (1, 2):
        replayed = essence(agent.replay())
        same = replayed == live
        say(f"replay {number}: {len(replayed)} opens and updates, {'the same' if same else 'NOT the same'} as live")
        if not same:
            complaints.append(f"replay {number} differs from live")


def perform(stage, capture):
    agent = agents.DemoAgent(stage, stages.NAME, capture)
    agent.wait_ready()
    say("the agent is ready\n\nordinary work")
    play = scenes.Play(stage)
    for line in play.ordinary_work():
        say("  " + line)
    time.sleep(SETTLE_SECONDS)
    say(f"  alerts so far: {len(agent.opened())}\n\nthefts and tamperings")

    complaints, outcomes, taken = [], [], set()
    model_bytes = os.path.getsize(play.model)
    for scene in play.scenes():
        outcomes.append(play_scene(scene, agent, taken))
        say(f"  {scene.name}: {'alerted' if outcomes[-1].alert else 'NO ALERT'}")
    time.sleep(SETTLE_SECONDS)
    agent.finish()

    say("\n" + report.table(outcomes) + "\n")
    check_upload(outcomes[0], model_bytes, complaints)
    check_copies(agent, complaints)
    complaints += [f"no alert, but on stdout: {line}" for line in agent.strange]
    complaints += [f"{o.scene}: {o.seconds:.2f} s from cause to alert" for o in report.late(outcomes)]
    unexpected = [alert for alert in agent.opened() if alert["id"] not in taken]
    for alert in unexpected:
        say(f"unexpected: {alert['rule']}: {report.in_one_line(alert['summary'])}")
    for complaint in complaints:
        say(f"wrong: {complaint}")
    seen = sum(outcome.alert is not None for outcome in outcomes)
    return (len(outcomes), seen, len(unexpected)), complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--capture", metavar="F", help="keep the capture here (default: it goes with the rest)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("demo: needs root, for eBPF and a network namespace")
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda number, _: sys.exit(128 + number))
    counts, complaints = (6, 0, 0), ["it did not come to its end"]
    with open(LOCK, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("demo: another one is running on this host")
        try:
            with stages.Stage() as stage:
                counts, complaints = perform(stage, options.capture or stage.path("demo.twcap"))
        except Exception:  # the last line is printed whatever happened
            traceback.print_exc()
    say(report.last_line(*counts))
    expected, seen, unexpected = counts
    return 0 if not complaints and seen == expected and unexpected == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
