"""Steps that cannot be taken: losses that are not finite, float16's range, no memory left."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from small_systems import SGD, Chain, Line, Normed, assert_same, batch, make, pictures, weight

from aifashion.errors import Exit, Failure
from aifashion.training import LossScale, Trainer

ALL = replace(SGD, batch_size=4, optimizer="adamw", weight_decay=0.1, ema=0.9, clip_norm=1.0)
GOOD = pictures([1, 3, 5, 8], [3, 6, 1, 2])


def started(settings, system) -> Trainer:
    """A trainer whose slots, averages and statistics are no longer what they are at first."""
    trainer = make(settings, system)
    assert trainer.step(GOOD, 0).is_finite
    return trainer


# === Not finite ===


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_loss_that_is_not_finite_changes_nothing(accumulation):
    trainer = started(replace(ALL, accumulation=accumulation), Normed())
    before = trainer.arrays()
    bad = (
        pictures([1, 3, 5, np.inf], [3, 6, 1, 2]),
        pictures([np.nan, 3, 5, 8], [3, 6, 1, 2]),
        pictures([1, 3, 5, 8], [3, np.nan, 1, 2]),
    )
    for each in bad:
        outcome = trainer.step(each, 1)
        assert (outcome.is_finite, outcome.has_overflown) == (False, False)
        assert not np.isfinite(outcome.losses["fit"])
        assert_same(trainer.arrays(), before)
    assert before["optimizer"]["optimizer/iteration"] == 1
    assert trainer.step(GOOD, 4).is_finite
    assert trainer.arrays()["optimizer"]["optimizer/iteration"] == 2


class Root(Line):
    """The root of (w x)²: 0 at w = 0, where its slope is 0 / 0."""

    def loss_terms(self, outputs, inputs, targets) -> dict:
        return {"fit": (ops.sum(ops.sqrt(ops.square(outputs["y"]))), ops.ones(()))}


def test_a_gradient_that_is_not_finite_changes_nothing():
    trainer = make(system=Root())
    before = trainer.arrays()
    outcome = trainer.step(batch([1, 2], [0, 0]), 0)
    assert outcome.losses == {"fit": 0} and not outcome.is_finite
    assert_same(trainer.arrays(), before)


# === float16 ===

HALF = replace(SGD, batch_size=1, precision="float16")


def test_an_overflow_halves_the_scale_and_changes_nothing():
    # w = 0, x = 1, y = 1: the loss is 1 and its slope -2. Times 2^15 that is -65536, just beyond
    # float16's range; times 2^14 it is not.
    trainer = make(HALF)
    before = trainer.arrays()
    outcome = trainer.step(batch([1], [1]), 0)
    assert (outcome.losses, outcome.is_finite, outcome.has_overflown) == ({"fit": 1}, False, True)
    assert trainer.loss_scale.scale == 2**14
    assert_same(trainer.arrays(), before)
    outcome = trainer.step(batch([1], [1]), 1)
    assert (outcome.is_finite, outcome.has_overflown) == (True, False)
    assert trainer.loss_scale == LossScale(2**14, 1)
    assert weight(trainer) == pytest.approx(0.2)


def test_an_overflow_leaves_slots_averages_and_statistics():
    trainer = make(replace(ALL, precision="float16"), Normed())
    trainer.loss_scale = LossScale(8.0)
    assert trainer.step(GOOD, 0).is_finite
    before = trainer.arrays()
    trainer.loss_scale = LossScale(2.0**20)
    assert trainer.step(GOOD, 1).has_overflown
    assert_same(trainer.arrays(), before)


def test_the_scale_doubles_and_does_not_show():
    trainers = [make(replace(HALF, optimizer="adam")) for _ in range(2)]
    trainers[0].loss_scale = LossScale(8.0, double_after=2)
    trainers[1].loss_scale = LossScale(64.0)
    scales = []
    for number in range(4):
        for trainer in trainers:
            assert trainer.step(batch([1], [1]), number).is_finite
        scales.append(trainers[0].loss_scale.scale)
    assert scales == [8, 16, 16, 32] and trainers[1].loss_scale == LossScale(64.0, 4)
    assert_same(trainers[0].arrays(), trainers[1].arrays())  # powers of 2 cost no digits


# === Memory ===


def holds(trainer: Trainer, rows: int) -> list[int]:
    """Lets the memory hold so many rows; returns the list of what will have been tried."""
    tried = []

    def limited(compute):
        def gradients(part, *others):
            tried.append(len(part[0]["x"]))
            if tried[-1] > rows:
                raise tf.errors.ResourceExhaustedError(None, None, "no room for\ntensor")
            return compute(part, *others)

        return gradients

    step_for = trainer._step_for
    trainer._step_for = lambda *given: limited(step_for(*given))
    trainer._gradients = limited(trainer._gradients)
    return tried


@pytest.mark.parametrize(("rows", "parts"), [(3, 2), (2, 4)])
def test_out_of_memory_doubles_the_parts(rows, parts, capsys):
    settings = replace(SGD, batch_size=5)
    batches = [batch([1, 2, 1, 2, 1], [3, 6, 1, 2, 3]), batch([1, 2, 3, 2, 1], [0, 1, 1, 2, 3])]
    short, apart = (make(replace(settings, accumulation=n), Chain()) for n in (1, parts))
    holds(short, rows)
    for number, each in enumerate(batches):
        assert short.step(each, number) == apart.step(each, number)
    assert_same(short.arrays(), apart.arrays())
    assert short.sharing.parts == parts
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"Out of memory: from here on a batch is computed in {n} parts (training.accumulation={n})."
        for n in (2, 4)
        if n <= parts
    ]


def test_no_memory_for_one_picture():
    trainer = make(replace(SGD, batch_size=3))
    tried = holds(trainer, 0)
    with pytest.raises(Failure, match=r"with 3 parts .* \(no room for tensor\)") as refused:
        trainer.step(batch([1, 2, 3], [1, 2, 3]), 0)
    assert refused.value.exit_code == Exit.ENVIRONMENT
    assert "--batch-size" in str(refused.value) and "bfloat16" in str(refused.value)
    assert tried == [3, 2, 1]
