"""A run that is asked to stop, and goes on: the same run as one that was never stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
from support import ROOT, TINY

from aifashion import checkpoints
from aifashion.cli import train_main
from aifashion.errors import Exit
from aifashion.progress import TrainingProgress

CLOCKS = ["seconds", "waiting_share"]


def test_sigterm_stops_the_process(trained, tmp_path):
    """The process ends as documented, its state saved, however early or late the signal comes."""
    run = tmp_path / "run"
    command = [sys.executable, str(ROOT / "train.py"), "--data", str(trained.data)]
    process = subprocess.Popen(
        [*command, "--run", str(run), *TINY, "--epochs", "1000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("epoch 1"):
            process.send_signal(signal.SIGTERM)
            break
    _, error = process.communicate()
    assert process.returncode == Exit.INTERRUPTED, [*lines, error]
    assert error.strip().endswith("--resume auto") and (run / "state").read_text() != "finished\n"
    assert checkpoints.newest(run / "checkpoints").step >= 6


def test_a_stopped_run_goes_on_as_if_it_never_stopped(trained, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    step = TrainingProgress.step

    def step_then_signal(bar, number, *numbers):
        step(bar, number, *numbers)
        if number == 9:  # within the second epoch of six steps
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(TrainingProgress, "step", step_then_signal)
    arguments = ["--data", str(trained.data), "--run", str(run)]
    assert train_main([*arguments, *TINY]) == Exit.INTERRUPTED
    stopped = checkpoints.newest(run / "checkpoints")
    assert stopped.step == 9
    assert stopped.state["progress"]["sums"] is not None

    monkeypatch.undo()
    capsys.readouterr()
    assert train_main([*arguments, "--resume", "auto"]) == Exit.DONE
    assert "Resuming" in capsys.readouterr().out
    assert same_arrays(run, trained.folder)
    whole, resumed = (pd.read_csv(f / "history.csv") for f in (trained.folder, run))
    pd.testing.assert_frame_equal(
        resumed.drop(columns=CLOCKS), whole.drop(columns=CLOCKS), check_exact=False, rtol=1e-6
    )


def same_arrays(run, other) -> bool:
    for folder in ("checkpoints", "best"):
        a, b = (checkpoints.newest(path / folder) for path in (run, other))
        assert a.step == b.step
        for group, arrays in b.groups.items():
            for name, array in arrays.items():
                np.testing.assert_array_equal(a.groups[group][name], array, err_msg=name)
    return True


def test_logs_are_cut_back_to_the_checkpoint(trained, tmp_path):
    """A run that lost its last checkpoint says the second epoch once, not twice."""
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    shutil.rmtree(run / "checkpoints/00000012")
    content = json.loads((run / "recipe.json").read_text())
    content["asked"]["data"] = str(trained.data)
    (run / "recipe.json").write_text(json.dumps(content))
    assert train_main(["--run", str(run), "--resume", "True"]) == Exit.DONE
    assert list(pd.read_csv(run / "history.csv")["epoch"]) == [1, 2]
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2
    assert (run / "val.log").read_text().count("Socre") == 2
    assert same_arrays(run, trained.folder)


def test_weights_alone_start_a_new_run(trained, tmp_path, capsys):
    """A weight file outside any run gives its weights; inside a run it means that run."""
    weights = tmp_path / "weights.safetensors"
    shutil.copy(next(trained.folder.glob("best/*/weights.safetensors")), weights)
    arguments = [
        "--data",
        str(trained.data),
        "--run",
        str(tmp_path / "run"),
        *TINY,
        "--epochs",
        "0",
    ]
    assert train_main([*arguments, "--resume-model", str(weights)]) == Exit.DONE
    inside = ["--resumeModel", str(trained.folder), "--resume", "True", "--initEpoch", "2"]
    assert train_main(inside) == Exit.DONE
    assert f"Resuming {trained.folder}" in capsys.readouterr().out
