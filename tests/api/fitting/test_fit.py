"""What a checkpoint's state gives back, also to a run that was changed since."""

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from aifashion import training
from aifashion.api.fitting.fit import _read_state
from aifashion.checkpoints import Checkpoint
from aifashion.errors import Exit, Failure


def read(scale: float, now: float, steps_per_epoch: int = 5):
    """The progress and the loss scale after reading a state of step 10 and epochs of 5 steps."""
    state = {
        "progress": asdict(training.Progress(step=10)),
        "loss_scale": asdict(training.LossScale(scale, updates=7)),
        "steps_per_epoch": 5,
    }
    trainer = SimpleNamespace(loss_scale=training.LossScale(now), steps_per_epoch=steps_per_epoch)
    progress = _read_state(Checkpoint(Path("00000010"), 10, {}, state), trainer)
    return progress, trainer.loss_scale


@pytest.mark.parametrize(
    ("saved", "now", "expected"),
    [
        (1.0, 1.0, (1.0, 7)),
        (512.0, 32768.0, (512.0, 7)),  # float16 goes on where it was
        (1.0, 32768.0, (32768.0, 0)),  # from float32 to float16
        (512.0, 1.0, (1.0, 0)),  # and back
    ],
)
def test_loss_scale(saved, now, expected):
    progress, loss_scale = read(saved, now)
    assert progress.step == 10
    assert (loss_scale.scale, loss_scale.updates) == expected


def test_epochs_of_another_length_are_said(capsys):
    read(1.0, 1.0)
    assert capsys.readouterr().err == ""
    read(1.0, 1.0, steps_per_epoch=2)
    said = capsys.readouterr().err
    assert "an epoch has 2 steps now, not 5: 10 steps count as 5 epochs" in said


def test_a_state_of_another_version():
    checkpoint = Checkpoint(Path("00000010"), 10, {}, {"sums": None})
    with pytest.raises(Failure, match="--init-epoch") as refused:
        _read_state(checkpoint, SimpleNamespace())
    assert refused.value.exit_code == Exit.BAD_MODEL
