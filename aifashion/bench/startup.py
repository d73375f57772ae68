"""How soon a command answers, and how much memory this process has taken."""

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aifashion.bench.rounds import Figure, interleave

ROOT = Path(__file__).parents[2]
REPEATS = 5


def figures(repeats: int = REPEATS) -> list[Figure]:
    """Seconds from start to end of new processes."""
    commands = {
        "python -m aifashion --help": ("-m", "aifashion", "--help"),
        "import aifashion.api": ("-c", "import aifashion.api"),
    }
    if (ROOT / "train.py").is_file():  # an installed package stands without the doors
        commands = {"python train.py --help": ("train.py", "--help"), **commands}
    measures = {name: lambda words=words: _seconds(words) for name, words in commands.items()}
    values = interleave(measures, repeats, warm_up=False)
    return [Figure("start-up", name, "s", row) for name, row in values.items()]


def _seconds(words: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - began


def memory() -> Figure:
    """The most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux
    return Figure("memory", "peak of the measuring process", "MiB", (peak / 1024,))
