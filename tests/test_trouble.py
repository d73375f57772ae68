"""What a run meets while it trains: numbers that are not finite, a full disk, a hanging step."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from one_trainer import one_trainer
from support import ROOT, TINY

from aifashion import checkpoints, training
from aifashion.api.fitting import fit
from aifashion.api.fitting.validation import NOTHING
from aifashion.cli import train_main
from aifashion.errors import Exit


@pytest.fixture(scope="module")
def compiled():
    with one_trainer():
        yield


@pytest.fixture
def train(compiled, sample, tmp_path, monkeypatch):
    """Trains 6 steps an epoch without computing anything: each step's loss is what is asked."""

    def start(loss, *more: str) -> int:
        def step(trainer, batch, number, rate=1.0, stop=False):
            value = loss(number, rate, trainer)
            return training.Outcome({"fit": value}, bool(np.isfinite(value)), False, stop)

        monkeypatch.setattr(training.Trainer, "step", step)
        run = str(tmp_path / "run")
        return train_main(["--data", str(sample), "--run", run, *TINY, *more])

    monkeypatch.setattr(fit.Validation, "score", lambda validation, progress: NOTHING)
    return start


def check_finite(run: Path) -> None:
    for path in [*run.glob("checkpoints/*"), *run.glob("best/*")]:
        for group, arrays in checkpoints.load(path).groups.items():
            for name, array in arrays.items():
                assert np.isfinite(array).all(), f"{path}: {group}: {name}"


def state(run: Path) -> str:
    return (run / "state").read_text().strip()


# === Numbers that are not finite ===


def test_a_skipped_step_names_its_pictures(train, tmp_path, sample, capsys):
    assert train(lambda step, rate, _: np.nan if step == 3 else 1.0) == Exit.DONE
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: step 4: fit not finite; no update. The batch: ")
    pictures = warning.partition("The batch: ")[2].split(", ")
    assert len(set(pictures)) == 8 and all(Path(picture).is_file() for picture in pictures)
    history = pd.read_csv(tmp_path / "run/history.csv")
    assert list(history["skipped_steps"]) == [1, 1] and list(history["fit"]) == [1, 1]


def test_a_last_step_that_is_skipped_is_saved(train, tmp_path):
    assert train(lambda step, rate, _: np.nan if step == 11 else 1.0) == Exit.DONE
    assert checkpoints.steps(tmp_path / "run/checkpoints") == [0, 6, 12]


def test_half_the_learning_rate_helps(train, tmp_path, capsys):
    """Step 9 goes wrong and all that follow; the checkpoint of step 6 is gone back to."""
    said = train(lambda step, rate, _: np.nan if step >= 8 and rate == 1 else 1.0, "--epochs", "6")
    assert said == Exit.DONE
    *skipped, back = capsys.readouterr().err.splitlines()
    assert len(skipped) == training.SKIPPED_AT_MOST
    assert back.endswith("back to step 6 with half the learning rate.")
    history = pd.read_csv(tmp_path / "run/history.csv")
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6] and history["skipped_steps"].max() == 0
    assert checkpoints.newest(tmp_path / "run/checkpoints").state["progress"]["is_halved"]


def test_half_the_learning_rate_does_not_help(train, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(lambda step, *_: np.nan if step >= 8 else 1.0, "--epochs", "6") == Exit.DIVERGED
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 * training.SKIPPED_AT_MOST + 2
    assert lines[-1].startswith("error: step 28: ") and "--learning-rate" in lines[-1]
    assert state(run) == "failed"
    # What was saved last is from before, and says that the rate is halved already.
    assert checkpoints.steps(run / "checkpoints") == [0, 6]
    saved = checkpoints.newest(run / "checkpoints").state["progress"]
    assert saved["is_halved"] and saved["skipped_in_a_row"] == 0


def test_stopped_amid_skipped_steps(train, tmp_path, capsys):
    """What is saved then is gone on with, but never gone back to."""

    def loss(step, rate, trainer):
        if step == 9:
            signal.raise_signal(signal.SIGTERM)
        return np.nan if step >= 8 else 1.0

    assert train(loss, "--epochs", "6") == Exit.INTERRUPTED
    saved = checkpoints.newest(tmp_path / "run/checkpoints")
    assert saved.step == 10 and saved.state["progress"]["skipped_in_a_row"] == 2
    capsys.readouterr()
    stays = lambda step, rate, _: np.nan if rate == 1 else 1.0  # noqa: E731
    assert train(stays, "--epochs", "6", "--resume", "auto") == Exit.DONE
    *skipped, back = capsys.readouterr().err.splitlines()
    assert len(skipped) == training.SKIPPED_AT_MOST - 2 and "back to step 6 with" in back
    assert 10 not in checkpoints.steps(tmp_path / "run/checkpoints")


def test_weights_that_are_not_finite_are_never_saved(train, tmp_path, capsys):
    """A rate so high that the update itself overflows, from losses that are finite."""

    def overflow(step, rate, trainer):
        weight = trainer.network.trainable_variables[0]
        if step == 8:
            weight.assign(np.full(weight.shape, np.inf))
        return 1.0

    saving = ("--set", "training.save_minutes=0")
    assert train(overflow, *saving) == Exit.DIVERGED
    first, last = capsys.readouterr().err.splitlines()
    assert "back to step 8" in first and last.startswith("error: step 12: ")
    assert checkpoints.newest(tmp_path / "run/checkpoints").step == 8
    check_finite(tmp_path / "run")


def test_a_rate_that_no_network_stands(compiled, sample, tmp_path, capsys):
    """All of it for real: 27 steps an epoch, of which the first one ruins the weights."""
    run = tmp_path / "run"
    ruinous = ["--batch-size", "2", "--set", "training.learning_rate=1e30"]
    code = train_main(["--data", str(sample), "--run", str(run), *TINY, *ruinous])
    lines = capsys.readouterr().err.splitlines()
    assert code == Exit.DIVERGED, lines
    assert lines[20].endswith("back to step 0 with half the learning rate.")
    assert [line.startswith("error: ") for line in lines] == [False] * 41 + [True]
    assert state(run) == "failed" and checkpoints.steps(run / "checkpoints") == [0]
    check_finite(run)


# === A full disk ===

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def disk(monkeypatch):
    """A disk that is full, or not, as `.free` says."""
    room = {"free": 10**12}
    usage = lambda path: Usage(10**13, 0, room["free"])  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", usage)
    return room


def test_no_room_at_the_start(train, disk, tmp_path, capsys):
    disk["free"] = 10**5
    steps = []
    assert train(lambda *step: steps.append(step) or 1.0) == Exit.ENVIRONMENT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path}/run/checkpoints: 0 MB are free")
    assert steps == [] and state(tmp_path / "run") == "failed"
    # With room it begins as if nothing had been.
    disk["free"] = 10**12
    assert train(lambda *_: 1.0, "--resume", "auto") == Exit.DONE


def fills_up(disk, first: int, last: int):
    """No room while these steps are done."""

    def loss(step, rate, trainer):
        disk["free"] = 10**5 if first <= step <= last else 10**12
        return 1.0

    return loss


def test_a_disk_that_fills_up_for_a_while(train, disk, tmp_path, capsys):
    assert train(fills_up(disk, 8, 20), "--epochs", "4") == Exit.DONE
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2  # at steps 12 and 18
    assert all(line.startswith("warning: ") and "MB are free" in line for line in lines)
    assert lines[0].endswith("Training goes on; the last checkpoint stands.")
    assert checkpoints.steps(tmp_path / "run/checkpoints") == [0, 6, 24]


def test_a_disk_that_stays_full(train, disk, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(fills_up(disk, 8, 99), "--epochs", "9") == Exit.ENVIRONMENT
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["warning:", "warning:", "error:"]
    assert state(run) == "failed" and checkpoints.newest(run / "checkpoints").step == 6
    disk["free"] = 10**12
    assert train(lambda *_: 1.0, "--epochs", "9", "--resume", "auto") == Exit.DONE
    assert list(pd.read_csv(run / "history.csv")["epoch"]) == list(range(1, 10))


# === A step that hangs ===

HANGING = """
import ctypes, sys
from aifashion.cli import running, train_main
running.load_api()
from aifashion import training

def step(*arguments):
    # No signal interrupts it, and it holds no lock of Python's: as TensorFlow waits for a machine.
    mutex = ctypes.create_string_buffer(64)
    ctypes.CDLL(None).pthread_mutex_lock(mutex)
    print("hanging", flush=True)
    ctypes.CDLL(None).pthread_mutex_lock(mutex)

training.Trainer.step = step
train_main(sys.argv[1:])
"""


def test_a_second_interrupt_ends_at_once(sample, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-c", HANGING, "--data", str(sample), "--run", str(run), *TINY]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert "hanging\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGINT)
        assert "a second signal ends at once" in process.stderr.readline()
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (130, -signal.SIGINT)
        assert time.monotonic() - began < 2
    finally:
        process.kill()
    assert checkpoints.newest(run / "checkpoints").step == 0
    assert state(run) == "running"  # as a killed one: it goes on with --resume auto
