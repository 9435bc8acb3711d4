"""Ordinary work, each under an agent of its own: every alert is one too many."""

import dataclasses
import glob
import os
import time

import scene as s
import world as w

FOLDER = os.path.join(w.HERE, "benign")
QUIET_SECONDS = 1.5  # in which a late alert would come: the agent samples its counters each second


@dataclasses.dataclass
class Result:
    id: str
    state: str   # quiet, alerted, impossible, failed
    alerts: int = 0
    why: str = ""


def names():
    return sorted(os.path.basename(path).rsplit(".", 1)[0] for path in glob.glob(FOLDER + "/*.*") if path[-3:] in (".sh", ".py"))


def read_head(path):
    """What the second line of a script asks for: `# scene: server log=@PATH group=trainer`."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    wishes = next((line[len("# scene:"):].split() for line in lines if line.startswith("# scene:")), [])
    return {wish.partition("=")[0]: wish.partition("=")[2] for wish in wishes}


def is_of_this_scene(alert):
    """Not about a model of somebody else's on this machine: the agent finds those that Python programs open."""
    return "asset" not in alert or alert["asset"].get("path", w.WORK).startswith((w.WORK, w.SHM))


def play(world, name, arguments):
    path = glob.glob(os.path.join(FOLDER, name + ".*"))[0]
    wishes = read_head(path)
    try:
        with s.Scene(world, "benign-" + name, patience=arguments.patience, record=arguments.record) as scene:
            scene.start_agent()
            if "server" in wishes:
                scene.start_server(wishes.get("log", "").replace("WORK", scene.path("act")))
            scene.play(["/bin/sh" if path.endswith(".sh") else w.PYTHON, path], wishes.get("group", "act"))
            scene.agent.wait_open(is_of_this_scene, QUIET_SECONDS * arguments.patience)
            scene.stop_agent()
            alerts = [alert for alert in scene.agent.opened() if is_of_this_scene(alert)]
            why = "; ".join(f"{alert['rule']}: {alert['summary']}" for alert in alerts)
            return Result(name, "alerted" if alerts else "quiet", len(alerts), why)
    except s.Impossible as error:
        return Result(name, "impossible", why=str(error))
    except (s.Failed, RuntimeError, OSError, ValueError) as error:
        return Result(name, "failed", why=f"{type(error).__name__}: {error}")


def play_all(world, wanted, arguments):
    results = []
    for name in wanted:
        began = time.monotonic()
        result = play(world, name, arguments)
        print(f"benign {name:<30} {result.state:<10} {time.monotonic() - began:5.1f} s  {result.why}".rstrip(), flush=True)
        results.append(result)
        if result.state == "failed" and not arguments.keep_going:
            print("evasion: stopped: a benign scene could not be played (--keep-going goes on)")
            break
    return results
