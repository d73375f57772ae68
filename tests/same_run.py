"""Whether two run folders hold the same run, to the last bit."""

import csv
import hashlib
import json
import re
from pathlib import Path

from aifashion import checkpoints

CLOCKS = ("seconds", "waiting_share")  # what differs between two runs of the same


def differences(run: Path, other: Path) -> list[str]:
    """What differs between the newest and best checkpoints and the logs of two runs, a line each.

    Every array is compared by the SHA-256 of its type, shape and bytes, every state and log by
    its text, the clocks apart.
    """
    a, b = facts(run), facts(other)
    return [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]


def facts(run: Path) -> dict[str, str]:
    """Everything that is compared, by name."""
    found = {"history": history(run), "metrics": metrics(run)}
    found["val.log"] = re.sub(r".*/checkpoints/", "", (run / "val.log").read_text())
    for folder in ("checkpoints", "best"):
        checkpoint = checkpoints.newest(run / folder)
        found[f"{folder} step"] = str(checkpoint.step)
        found[f"{folder} state"] = json.dumps(checkpoint.state, sort_keys=True)
        for group, arrays in checkpoint.groups.items():
            for name, array in arrays.items():
                about = f"{array.dtype} {array.shape} ".encode()
                digest = hashlib.sha256(about + array.tobytes()).hexdigest()
                found[f"{folder} {group} {name}"] = digest
    return found


def history(run: Path) -> str:
    """history.csv without its clocks."""
    with (run / "history.csv").open(newline="") as file:
        rows = [{k: v for k, v in row.items() if k not in CLOCKS} for row in csv.DictReader(file)]
    return "\n".join(map(json.dumps, rows))


def metrics(run: Path) -> str:
    """metrics.jsonl without its clocks."""
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return "\n".join(json.dumps({k: v for k, v in row.items() if k not in CLOCKS}) for row in rows)
