"""Trains and tests the variants that have no score yet, by the commands a person would type.

Each network is trained in a process of its own, so that stopping at any moment loses little: a
training goes on where it stopped, and what is scored stays.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from aifashion.ablations.rows import Variant, variants
from aifashion.errors import Exit, Failure
from aifashion.progress import say

RUNS, SCORES = Path("trained_models/ablations"), Path("submission/ablations")


def train_command(variant: Variant, seed: int) -> list[str]:
    """Trains a variant's network, or goes on with it."""
    run = RUNS / variant.name / str(seed)
    flags = ["--data", variant.data.folder, "--seed", str(seed), "--run", str(run)]
    if variant.start:
        flags += ["--weights", str(RUNS / variant.start / str(seed))]
    return ["train.py", *variant.train, *flags, "--resume", "auto"]


def test_command(variant: Variant, seed: int) -> list[str]:
    """Tests it; the score goes to SCORES."""
    run = RUNS / (variant.trained_as or variant.name) / str(seed)
    flags = [
        "--data",
        variant.data.folder,
        "--model-path",
        str(run),
        "--out-path",
        str(SCORES / folder(variant, seed)),
    ]
    return ["test.py", *flags, *variant.test]


def folder(variant: Variant, seed: int) -> str:
    """Of a score, below SCORES."""
    return f"{variant.name}/{seed}"


def run_missing(names: Sequence[str], seeds: int) -> None:
    """Trains and tests, seed by seed, what has no score yet.

    Args:
        names: of variants; none: all of them.

    Raises:
        Failure: USAGE for an unknown name; as the command does that fails.
    """
    known = variants()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Failure(Exit.USAGE, f"no variant {unknown[0]}; there are {', '.join(known)}.")
    asked = [known[name] for name in names or known]
    for data in dict.fromkeys(variant.data for variant in asked):
        if not Path(data.folder).exists():
            _call(["-m", "aifashion", *data.drawing])
    for seed in range(seeds):
        for variant in asked:
            if score(variant, seed) is None:
                _measure(variant, seed)


def _measure(variant: Variant, seed: int) -> None:
    trained = variants()[variant.trained_as] if variant.trained_as else variant
    if trained.start and score(variants()[trained.start], seed) is None:
        _call(train_command(variants()[trained.start], seed))
    if score(trained, seed) is None:
        _call(train_command(trained, seed))
    _call(test_command(variant, seed))
    say(f"{variant.name}, seed {seed}: NE {score(variant, seed):.2f} %")


def score(variant: Variant, seed: int) -> float | None:
    """NE in per cent; None where it was not measured yet."""
    path = SCORES / folder(variant, seed) / "metrics.json"
    return json.loads(path.read_text())["ne_percent"] if path.is_file() else None


def _code(code: int) -> Exit:
    """A command's own exit code, where it is one of ours."""
    return Exit(code) if code in set(Exit) else Exit.ENVIRONMENT


def _call(command: list[str]) -> None:
    say(f"python {shlex.join(command)}")
    code = subprocess.run([sys.executable, *command], check=False).returncode
    if code:
        raise Failure(_code(code), f"python {shlex.join(command)}: ended with {code}.")
