"""The profile of some steps: which ones, shares that add up, and what is said about them."""

import json
import time

import numpy as np
import pytest
import tensorflow as tf
from small_systems import SGD, batch, make

from aifashion import training
from aifashion.training import profile, trace
from aifashion.training.loop import Timing


@pytest.mark.parametrize(
    ("steps", "per_epoch", "chosen"),
    [
        (range(0), 5, range(0)),
        (range(1), 1, range(1)),
        (range(100), 50, range(10, 20)),
        (range(30, 100), 50, range(40, 50)),
        (range(31, 100), 50, range(50, 60)),  # of one epoch, what comes between is no step
        (range(6), 6, range(3, 6)),
        (range(12), 6, range(6, 12)),
        (range(22), 11, range(11, 21)),
        (range(40, 43), 50, range(41, 43)),
        (range(20), 1, range(11, 12)),
    ],
)
def test_the_window(steps, per_epoch, chosen):
    assert profile.window(steps, per_epoch) == chosen


# === What is found ===


def device(*operations: tuple[str, float, float]) -> trace.Device:
    kinds, starts, ends = zip(*operations, strict=True)
    return trace.Device("d", kinds, np.array(starts, float), np.array(ends, float))


def test_shares_by_hand():
    # Two steps of 5 s each, 1 s and 2 s of them waiting. One device computes 6 s, the other 4 s.
    first = device(("Conv2D", 1, 5), ("Relu", 4, 7))
    second = device(("Conv2D", 1, 5))
    found = profile.examine([first, second], [Timing(5, 1), Timing(5, 2)], range(3, 5))
    assert (found.first_step, found.last_step, found.milliseconds) == (4, 5, 5000)
    assert (found.waiting, found.host, found.computing) == pytest.approx((30, 20, 50))
    assert found.operations == pytest.approx({"Conv2D": 100 * 8 / 11, "Relu": 100 * 3 / 11})


def test_the_five_longest_operations():
    many = device(*[(f"Kind{n}", 0, n) for n in range(8)])
    found = profile.examine([many], [Timing(10, 0)], range(1))
    assert list(found.operations) == ["Kind7", "Kind6", "Kind5", "Kind4", "Kind3"]


def test_clocks_that_differ_leave_no_negative_share():
    found = profile.examine([device(("Conv2D", 0, 11))], [Timing(10, 1)], range(1))
    assert (found.waiting, found.host, found.computing) == (10, 0, 90)


@pytest.mark.parametrize(
    ("waiting", "host", "said"),
    [
        (10, 10, "80 % computing: the network is the limit."),
        (50, 10, "50 % waiting for data: more cores, smaller pictures"),
        (10, 60, "60 % on the host: larger batches"),
        (30, 30, "30 % waiting for data"),
    ],
)
def test_the_verdict_names_the_limit(waiting, host, said):
    assert profile._verdict(waiting, host, 100 - waiting - host).startswith(said)


def test_lines_are_aligned():
    found = profile.Findings(7, 12, 50.0, 10.0, 5.0, 85.0, {"Conv2D": 60.0, "Relu": 7.5}, "Fast.")
    assert profile.describe(found).splitlines() == [
        "steps 7 to 12, a step:",
        "  waiting for data   10.0 %      5.0 ms",
        "  host                5.0 %      2.5 ms",
        "  computing          85.0 %     42.5 ms",
        "of the computing:",
        "  Conv2D                         60.0 %",
        "  Relu                            7.5 %",
        "Fast.",
    ]


# === While it trains ===


def numbers(count: int, seconds: float = 0.0):
    for _ in range(count):
        time.sleep(seconds)
        yield batch([1, 2], [3, 6])


def train(profiling: training.Profile, batches, steps: int) -> list[str]:
    """Trains a line on the batches; what the profile said."""
    said = []
    watch = training.Watch(
        on_step=lambda progress, outcome, timing: said.append(
            profiling.on_step(progress.step, timing)
        ),
        on_skip=lambda *what: None,
        stop_asked=lambda: False,
        save=lambda progress: None,
    )
    trainer = make(SGD, steps_per_epoch=4)
    fed = profiling.feed(batches, range(steps), trainer.steps_per_epoch)
    for _ in training.epochs(trainer, fed, training.Progress(), watch):
        pass
    return said


def test_a_slow_pipeline_shows_as_waiting(tmp_path):
    profiling = training.Profile(tmp_path)
    said = train(profiling, numbers(8, 0.05), 8)
    found = profiling.findings
    assert [text is not None for text in said] == [False] * 7 + [True]
    assert (found.first_step, found.last_step) == (5, 8)
    assert found.waiting + found.host + found.computing == pytest.approx(100)
    assert found.waiting > 50 and found.milliseconds >= 50
    assert "MatMul" in trace.times(trace.read(newest(tmp_path), has_gpus=False))
    assert said[-1].splitlines()[-1].startswith(f"{found.waiting:.0f} % waiting for data")
    saved = json.loads((tmp_path / "profile.json").read_text())
    assert saved["waiting"] + saved["host"] + saved["computing"] == pytest.approx(100)
    assert saved["operations"] == found.operations != {}


def newest(folder):
    (path,) = folder.rglob("*.xplane.pb")
    return path


def test_a_training_that_ends_early_leaves_no_profiler_running(tmp_path):
    profiling = training.Profile(tmp_path)
    assert train(profiling, numbers(6), 8) == [None] * 6
    assert profiling.findings is None and not (tmp_path / "profile.json").exists()
    tf.profiler.experimental.start(str(tmp_path))  # refuses where one runs already
    tf.profiler.experimental.stop(save=False)


def test_a_profiler_that_is_taken_stops_no_training(tmp_path, capsys):
    tf.profiler.experimental.start(str(tmp_path))
    said = train(training.Profile(tmp_path), numbers(4), 4)
    tf.profiler.experimental.stop(save=False)
    assert said == [None] * 4
    assert "warning: --profile: nothing is measured" in capsys.readouterr().err
