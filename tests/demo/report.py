"""The table that people read, and the verdict that the exit code gives."""

from dataclasses import dataclass
from typing import Optional

MAX_SECONDS = 2.0  # from cause to alert


@dataclass
class Outcome:
    scene: str
    alert: Optional[dict]
    seconds: float = 0.0


def in_one_line(text, limit=200):
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[:limit - 3] + "..."


def table(outcomes):
    rows = [("scene", "alert", "priority", "seconds", "evidence")]
    for outcome in outcomes:
        alert = outcome.alert
        if alert is None:
            rows.append((outcome.scene, "NONE", "", "", ""))
            continue
        evidence = alert.get("evidence", {}).get("text") or alert["summary"]
        rows.append((outcome.scene, alert["rule"], alert["priority"], f"{outcome.seconds:.2f}", in_one_line(evidence)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * min(len(lines[0]) + 40, 120), *lines[1:]])


def late(outcomes):
    return [outcome for outcome in outcomes if outcome.alert and outcome.seconds > MAX_SECONDS]


def last_line(expected, seen, unexpected):
    return f"alerts: expected {expected}, seen {seen}, unexpected {unexpected}"
