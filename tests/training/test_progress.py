"""Where a training stands: sums of an epoch, the scale of float16's losses, and both as JSON."""

import json
from dataclasses import asdict

import pytest

from aifashion.training import LossScale, Progress


def test_an_epoch_without_an_update():
    assert Progress().end_epoch() == {}


def test_means_are_those_of_the_epochs_updates():
    progress = Progress(skipped_in_a_row=3)
    progress.add({"fit": 1.0, "size": 4.0})
    progress.add({"fit": 2.0, "size": 8.0})
    assert progress.skipped_in_a_row == 0
    assert progress.end_epoch() == {"fit": 1.5, "size": 6.0}
    progress.add({"fit": 7.0, "size": 1.0})
    assert progress.end_epoch() == {"fit": 7.0, "size": 1.0}


@pytest.mark.parametrize(
    "progress", [Progress(), Progress(3, {"fit": 0.1}, 2, 1, 1, True, 2, 0.3, 1, 0.4, 2, True)]
)
def test_through_json(progress):
    assert Progress(**json.loads(json.dumps(asdict(progress)))) == progress


# === Loss scale ===


def test_other_precisions_have_no_scale():
    scale = LossScale()
    assert [scale.follow(is_finite) for is_finite in (True, False, True)] == [False] * 3
    assert scale == LossScale(1.0, 0)


def test_an_overflow_halves():
    scale = LossScale(8.0, updates=5)
    assert scale.follow(False)
    assert scale == LossScale(4.0, 0)


def test_at_the_lowest_scale_an_overflow_has_another_reason():
    scale = LossScale(4.0, double_after=1)
    assert [scale.follow(False) for _ in range(3)] == [True, False, False]
    assert scale.scale == 2.0
    scale.follow(True)
    assert scale.scale == 4.0


def test_updates_double():
    scale = LossScale(8.0, double_after=3)
    assert [(scale.follow(True), scale.scale) for _ in range(6)] == [
        (False, 8.0), (False, 8.0), (False, 16.0), (False, 16.0), (False, 16.0), (False, 32.0),
    ]  # fmt: skip


def test_an_overflow_counts_the_updates_anew():
    scale = LossScale(8.0, double_after=3)
    for is_finite in (True, True, False, True, True):
        scale.follow(is_finite)
    assert scale == LossScale(4.0, 2, 3)
    scale.follow(True)
    assert scale.scale == 8.0


def test_2000_updates_double_the_first_scale():
    scale = LossScale(LossScale.FIRST)
    for _ in range(1999):
        scale.follow(True)
    assert scale.scale == 2**15
    scale.follow(True)
    assert scale.scale == 2**16


def test_scale_through_json():
    scale = LossScale(2.0**14, 17, 100)
    assert LossScale(**json.loads(json.dumps(asdict(scale)))) == scale
