"""A run that is killed at any moment, and started again, ends as one that was never killed."""

import itertools
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from same_run import differences, history
from support import ROOT, TINY

from aifashion import checkpoints, runs
from aifashion.datasets.synthetic import draw_fashionai

SEED = 0  # of the moments
LONGEST = 600  # seconds that a process may take before it counts as hanging
SETTINGS = (
    "--epochs", "3", "--seed", "5", "--set", "training.ema=0.99",
    "--set", "training.accumulation=2",
    "--set", "training.save_minutes=0.0001",  # after every step
)  # fmt: skip
SMALL, WHOLE = (*TINY, *SETTINGS), ("--network", "quick", *SETTINGS)


@dataclass(frozen=True)
class Reference:
    """A run that was left alone, and the seconds that its process lived."""

    data: Path
    folder: Path
    recipe: tuple[str, ...]
    life: float


def start(data: Path, run: Path, recipe: tuple[str, ...]) -> subprocess.Popen:
    """The same command each time, the first time too."""
    command = [sys.executable, str(ROOT / "train.py"), "--data", str(data), "--run", str(run)]
    log = run.with_suffix(".log").open("a")
    return subprocess.Popen(
        [*command, *recipe, "--resume", "auto"],
        stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def refer(folder: Path, recipe: tuple[str, ...]) -> Reference:
    draw_fashionai(folder / "data", 64, 5, seed=3, size=128, processes=1)
    began = time.monotonic()
    process = start(folder / "data", folder / "whole", recipe)
    assert process.wait(LONGEST) == 0, said(folder / "whole")
    return Reference(folder / "data", folder / "whole", recipe, time.monotonic() - began)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Reference:
    return refer(tmp_path_factory.mktemp("small"), SMALL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Reference:
    return refer(tmp_path_factory.mktemp("whole"), WHOLE)


def kill(reference: Reference, run: Path, seconds: float) -> float | None:
    """Starts the run or goes on with it, and kills it then; None, or when it ended by itself."""
    began = time.monotonic()
    process = start(reference.data, run, reference.recipe)
    try:
        assert process.wait(seconds) == 0, said(run)
        lived = time.monotonic() - began
        print(f"ended by itself after {lived:.1f} s, before {seconds:.1f} s")
        return lived
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    steps = checkpoints.steps(run / "checkpoints")
    print(f"killed after {seconds:.1f} s; checkpoints of steps {steps}")
    return None


def said(run: Path) -> str:
    return run.with_suffix(".log").read_text()


def check_kills(reference: Reference, folder: Path, count: int, seed: int) -> None:
    """Kills that often, at moments drawn evenly from a life; a run that ends begins anew."""
    print(f"seed of the moments: {seed}; a life: {reference.life:.1f} s")
    draw, killed, life = random.Random(seed), 0, reference.life
    for number in itertools.count():
        run, lived = folder / f"run_{number}", None
        while killed < count and lived is None:
            is_new = not run.exists()
            lived = kill(reference, run, draw.random() * life)
            killed += lived is None
            if is_new and lived is not None:
                life = lived  # the machine has less else to do than it had
        if lived is None:
            process = start(reference.data, run, reference.recipe)
            assert process.wait(LONGEST) == 0, said(run)
        assert differences(run, reference.folder) == [], said(run)
        assert runs.load(run).state == runs.FINISHED
        # What the dead left half done is gone.
        assert {path.name for path in run.glob("**/.*")} == {".lock"}
        if killed == count:
            return


def test_two_kills(small, tmp_path):
    assert history(small.folder).count("\n") == 2  # three epochs
    check_kills(small, tmp_path, 2, seed=SEED)


@pytest.mark.slow
def test_twenty_kills_of_the_recipe_as_it_stands(whole, tmp_path):
    check_kills(whole, tmp_path, 20, seed=SEED)
