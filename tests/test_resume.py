"""A run that is asked to stop, and goes on: the same run as one that was never stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from one_trainer import one_trainer
from same_run import differences
from support import ROOT, TINY

from aifashion import checkpoints, training
from aifashion.api.fitting import fit
from aifashion.cli import train_main
from aifashion.errors import Exit
from aifashion.progress import TrainingProgress

AVERAGED = (*TINY, "--set", "training.ema=0.9")


# === A process ===


def test_sigterm_stops_the_process(trained, tmp_path, capsys):
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
            # Meanwhile the run is nobody else's.
            assert train_main(["--run", str(run), "--resume", "auto"]) == Exit.USAGE
            process.send_signal(signal.SIGTERM)
            break
    _, error = process.communicate()
    assert process.returncode == Exit.INTERRUPTED, [*lines, error]
    assert f"process {process.pid} on host" in capsys.readouterr().err
    stopping, stopped = error.splitlines()
    assert "a second signal ends at once" in stopping
    assert stopped == "error: stopped as asked; go on with --resume auto"
    assert (run / "state").read_text() != "finished\n"
    assert checkpoints.newest(run / "checkpoints").step >= 6


# === The same run ===


@pytest.fixture(scope="module")
def stopped(trained, tmp_path_factory):
    """Two runs of 2 x 6 steps: `.whole`, and `.part`, which was stopped after step 9."""
    folder = tmp_path_factory.mktemp("stopped")
    step = TrainingProgress.step

    def step_then_signal(bar, number, *numbers):
        step(bar, number, *numbers)
        if number == 9:
            signal.raise_signal(signal.SIGTERM)

    arguments = ["--data", str(trained.data), *AVERAGED]
    with one_trainer():
        assert train_main([*arguments, "--run", str(folder / "whole")]) == Exit.DONE
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TrainingProgress, "step", step_then_signal)
            assert train_main([*arguments, "--run", str(folder / "part")]) == Exit.INTERRUPTED
        yield SimpleNamespace(whole=folder / "whole", part=folder / "part", data=trained.data)


def go_on(stopped, run: Path) -> list[str]:
    """Ends a copy of the stopped run; what then differs from the run that never stopped."""
    shutil.copytree(stopped.part, run)
    assert train_main(["--run", str(run), "--resume", "auto"]) == Exit.DONE
    return differences(run, stopped.whole)


def test_a_stopped_run_goes_on_as_if_it_never_stopped(stopped, tmp_path, capsys):
    saved = checkpoints.newest(stopped.part / "checkpoints")
    assert saved.step == 9 and saved.state["progress"]["updates"] == 3
    assert go_on(stopped, tmp_path / "run") == []
    assert "Resuming" in capsys.readouterr().out
    assert differences(stopped.part, stopped.whole) != []


# What a checkpoint holds is needed: leave a part of it out, and the same comparison says so.


def from_the_epochs_first_step(monkeypatch):
    training_batches = fit.pipeline.training

    def batches(source, order, augmentation, steps):
        late = steps.start % order.steps_per_epoch
        steps = range(steps.start - late, steps.stop - late)
        return training_batches(source, order, augmentation, steps)

    monkeypatch.setattr(fit.pipeline, "training", batches)


def without(group: str):
    """The trainer's own arrays, as they begin, in place of the checkpoint's."""

    def patch(monkeypatch):
        restore = training.Trainer.restore

        def forgetful(trainer, groups):
            restore(trainer, {**groups, group: trainer.arrays()[group]})

        monkeypatch.setattr(training.Trainer, "restore", forgetful)

    return patch


def without_sums(monkeypatch):
    monkeypatch.setattr(fit, "_read_state", lambda found, _: training.Progress(step=found.step))


@pytest.mark.parametrize(
    ("forget", "differing"),
    [
        (from_the_epochs_first_step, {"weights", "optimizer", "ema"}),
        (without("optimizer"), {"weights", "optimizer", "ema"}),
        (without("ema"), {"ema"}),
        (without_sums, set()),
    ],
    ids=["data", "optimizer", "average", "sums"],
)
def test_a_run_that_forgets_is_another(forget, differing, stopped, tmp_path, monkeypatch):
    forget(monkeypatch)
    found = go_on(stopped, tmp_path / "run")
    arrays = [name.split() for name in found if name.count(" ") == 2]
    assert {group for folder, group, _ in arrays if folder == "checkpoints"} == differing
    assert "history" in found  # the losses, or the averaged weights' score


def test_logs_are_cut_back_to_the_checkpoint(stopped, tmp_path):
    """A run that lost its last checkpoint says the second epoch once, not twice."""
    run = tmp_path / "run"
    shutil.copytree(stopped.whole, run)
    shutil.rmtree(run / "checkpoints/00000012")
    assert train_main(["--run", str(run), "--resume", "True"]) == Exit.DONE
    assert list(pd.read_csv(run / "history.csv")["epoch"]) == [1, 2]
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2
    assert (run / "val.log").read_text().count("Socre") == 2
    assert differences(run, stopped.whole) == []


def test_a_damaged_checkpoint_is_passed_over(stopped, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(stopped.whole, run)
    (run / "checkpoints/00000012/weights.safetensors").write_bytes(b"damaged")
    assert train_main(["--run", str(run), "--resume", "auto"]) == Exit.DONE
    assert "00000012/weights.safetensors: damaged" in capsys.readouterr().err
    assert differences(run, stopped.whole) == []


def test_a_run_whose_checkpoints_are_all_damaged_is_left_alone(stopped, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(stopped.whole, run)
    for path in run.glob("checkpoints/*/state.json"):
        path.write_text("{}")
    assert train_main(["--run", str(run), "--resume", "auto"]) == Exit.BAD_MODEL
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {run}/checkpoints: none of its checkpoints can be read.")
    assert len(pd.read_csv(run / "history.csv")) == 2


def test_a_best_epoch_that_is_lost_is_not_missed(stopped, tmp_path, monkeypatch):
    """Where the second time round is worse than the first, its best epoch is still kept."""
    run = tmp_path / "run"
    shutil.copytree(stopped.part, run)
    checkpoints.save(run / "best", 12, {"weights": {}}, {}, keep=1)  # before it was killed
    score = fit.Validation.score
    worse = lambda *arguments: {**score(*arguments), "ne_percent": 1e6}  # noqa: E731
    monkeypatch.setattr(fit.Validation, "score", worse)
    assert train_main(["--run", str(run), "--resume", "auto"]) == Exit.DONE
    best = checkpoints.newest(run / "best")
    assert best.step == 12 and best.state["score"]["ne_percent"] == 1e6


# === Another run's weights ===


def test_weights_alone_start_a_new_run(stopped, tmp_path, capsys):
    """The new run begins with the epoch after --init-epoch, its schedule where it would be."""
    run = tmp_path / "run"
    arguments = ["--data", str(stopped.data), *AVERAGED, "--init-epoch", "1", "--run", str(run)]
    assert train_main([*arguments, "--resume-model", str(stopped.whole)]) == Exit.DONE
    out = capsys.readouterr().out
    arrays = checkpoints.newest(stopped.whole / "best").groups["weights"]
    assert f"{stopped.whole}: {len(arrays)} of {len(arrays)} arrays fit\n" in out
    began = checkpoints.load(run / "checkpoints/00000006").groups
    for name, array in arrays.items():
        np.testing.assert_array_equal(began["weights"][name], array, err_msg=name)
    second = pd.read_csv(stopped.whole / "history.csv").iloc[1]
    only = pd.read_csv(run / "history.csv")
    assert list(only["epoch"]) == [2] and list(only["step"]) == [12]
    assert only["learning_rate"][0] == second["learning_rate"] > 0
    assert json.loads((run / "recipe.json").read_text())["asked"]["first_epoch"] == 1


def test_weights_inside_a_run_go_on_with_it(stopped, capsys):
    inside = ["--resumeModel", str(stopped.whole), "--resume", "True", "--initEpoch", "2"]
    assert train_main(inside) == Exit.DONE
    out = capsys.readouterr().out
    assert f"Resuming {stopped.whole}\n" in out and "2 of 2 epochs are done already" in out
