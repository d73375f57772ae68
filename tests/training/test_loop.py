"""The loop: epochs and their means, what is saved when, and what a failed step leads to."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_systems import SGD, assert_same, batch, make

from aifashion.errors import Exit, Failure
from aifashion.training import (
    SKIPPED_AT_MOST,
    Diverged,
    Outcome,
    Progress,
    Training,
    Watch,
    epochs,
    loop,
)

GOOD = Outcome({"fit": 1.0}, True, False, False)
BAD = Outcome({"fit": float("nan")}, False, False, False)
OVERFLOWN = Outcome({"fit": 1.0}, False, True, False)
STOPPED = Outcome({"fit": 1.0}, True, False, True)


class Script:
    """Stands for a trainer whose steps come to what was written down; epochs of 4 steps."""

    steps_per_epoch = 4

    def __init__(self, outcomes: Iterable[Outcome], settings: Training = SGD, workers: int = 1):
        self.outcomes, self.training = iter(outcomes), settings
        self.cluster = SimpleNamespace(workers=workers)
        self.asked = []  # (batch, number, rate, stop) of each step

    def step(self, *asked) -> Outcome:
        self.asked.append(asked)
        return next(self.outcomes)


class Diary(Watch):
    """Watches, asks for a stop after so many steps, and writes down what was called."""

    def __init__(self, stop_after: int | None = None):
        steps, skips, saved = [], [], []
        super().__init__(
            on_step=lambda progress, *what: steps.append((progress.step, *what)),
            on_skip=lambda progress, *what: skips.append((progress.step, *what)),
            stop_asked=lambda: stop_after is not None and len(steps) >= stop_after,
            save=lambda progress: saved.append(json.loads(json.dumps(asdict(progress)))),
        )
        vars(self).update(steps=steps, skips=skips, saved=saved)


def run(outcomes: list[Outcome], settings: Training = SGD) -> tuple[list, Progress, Diary]:
    """What the loop hands over and leaves behind; its batches are the steps' numbers."""
    progress, diary = Progress(), Diary()
    handed = list(epochs(Script(outcomes, settings), range(len(outcomes)), progress, diary))
    return handed, progress, diary


# === Epochs ===


def test_no_batches_no_epochs():
    assert run([])[0] == []


def test_epochs_hand_over_means():
    losses = [1.0, 2.0, 3.0, 4.0, 6.0, 6.0, 7.0, 9.0, 5.0]
    handed, progress, diary = run([replace(GOOD, losses={"fit": loss}) for loss in losses])
    assert handed == [(0, {"fit": 2.5}), (1, {"fit": 7.0})]
    assert progress == Progress(step=9, sums={"fit": 5.0}, updates=1)
    assert [step for step, *_ in diary.steps] == list(range(1, 10))
    assert diary.skips == diary.saved == []


def test_epochs_go_on_within_one():
    # Two steps of the second epoch are done, of losses 1 and 2; two more, of 3 and 6, end it.
    progress = Progress(step=6, sums={"fit": 3.0}, updates=2)
    script = Script([replace(GOOD, losses={"fit": loss}) for loss in (3.0, 6.0)])
    assert list(epochs(script, "ab", progress, Diary())) == [(1, {"fit": 3.0})]
    assert [(each, number) for each, number, *_ in script.asked] == [("a", 6), ("b", 7)]


def test_epochs_of_a_real_trainer():
    means = list(epochs(make(), batches(), Progress(), Diary()))
    again = make()
    losses = [again.step(each, number).losses["fit"] for number, each in enumerate(batches())]
    assert means == [
        (0, {"fit": pytest.approx(sum(losses[:4]) / 4)}),
        (1, {"fit": pytest.approx(sum(losses[4:]) / 4)}),
    ]


@pytest.mark.parametrize(
    ("drops", "is_halved", "factor"),
    [(0, False, 1), (1, False, 0.2), (2, False, 0.04), (0, True, 0.5), (1, True, 0.1)],
)
def test_rate_factor(drops, is_halved, factor):
    settings, progress = replace(SGD, drop=0.2), Progress(drops=drops, is_halved=is_halved)
    assert loop.rate_factor(settings, progress) == pytest.approx(factor)
    script = Script([GOOD], settings)
    list(epochs(script, [0], progress, Diary()))
    assert script.asked[0][2] == pytest.approx(factor)


def slow(outcomes: list[Outcome], seconds: float, settings: Training, monkeypatch) -> Script:
    """A script whose steps take so many seconds of the loop's clock, which is its `clock.now`."""
    clock = SimpleNamespace(now=0.0)

    class Slow(Script):
        def step(self, *asked):
            clock.now += seconds
            return super().step(*asked)

    now = lambda: clock.now  # noqa: E731
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=now, perf_counter=now))
    script = Slow(outcomes, settings)
    script.clock = clock
    return script


def test_seconds_of_a_step_and_of_waiting(monkeypatch):
    script = slow([GOOD], 4, SGD, monkeypatch)

    def slow_batches():
        script.clock.now += 3
        yield 0

    diary = Diary()
    list(epochs(script, slow_batches(), Progress(), diary))
    assert diary.steps[0][2] == loop.Timing(whole=7.0, waiting=3.0)


# === Skipped steps ===


def test_skipped_steps_are_told_and_counted():
    handed, progress, diary = run([GOOD, BAD, BAD, replace(GOOD, losses={"fit": 2.0})])
    assert handed == [(0, {"fit": 1.5})]  # of the two updates
    assert diary.skips == [(2, BAD, 1), (3, BAD, 2)]  # the step, and its batch
    assert (progress.step, progress.skipped, progress.skipped_in_a_row) == (4, 2, 0)
    assert len(diary.steps) == 4


def test_an_epoch_without_an_update_has_no_means():
    assert run(4 * [BAD])[0] == [(0, {})]


def test_a_skipped_step_keeps_its_number():
    script = Script([GOOD, BAD, GOOD])
    list(epochs(script, "abc", Progress(), Diary()))
    assert [(each, number) for each, number, *_ in script.asked] == [("a", 0), ("b", 1), ("c", 2)]


def test_too_many_in_a_row_diverge():
    progress, diary = Progress(), Diary()
    script = Script([GOOD] + 30 * [BAD])
    with pytest.raises(Diverged):
        list(epochs(script, range(31), progress, diary))
    assert SKIPPED_AT_MOST == 20
    assert len(script.asked) == 21 and len(diary.skips) == 20
    assert (progress.skipped, progress.skipped_in_a_row) == (20, 20)


def test_a_good_step_in_between_begins_the_count_anew():
    _, progress, _ = run(19 * [BAD] + [GOOD] + 19 * [BAD])
    assert (progress.skipped, progress.skipped_in_a_row) == (38, 19)


def test_overflows_are_no_fault():
    _, progress, diary = run(19 * [BAD] + 30 * [OVERFLOWN])
    assert (progress.skipped, progress.skipped_in_a_row) == (49, 19)
    assert len(diary.skips) == 19
    with pytest.raises(Diverged):  # nor are they a good step
        run(19 * [BAD] + 30 * [OVERFLOWN] + [BAD])


def test_real_skips():
    rows = batch([1, 2], [3, np.inf])
    trainer, progress, diary = make(), Progress(), Diary()
    assert list(epochs(trainer, [rows] * 3 + [batch([1, 2], [3, 6])], progress, diary)) == [
        (0, {"fit": 22.5})
    ]
    assert [(step, each) for step, _, each in diary.skips] == [(1, rows), (2, rows), (3, rows)]


# === Saving and stopping ===


def saves(outcomes: list[Outcome], minutes: float, monkeypatch) -> list[dict]:
    """What is saved where each step takes a minute."""
    script, diary = slow(outcomes, 60, replace(SGD, save_minutes=minutes), monkeypatch), Diary()
    list(epochs(script, range(len(outcomes)), Progress(), diary))
    return diary.saved


def test_saves_by_the_clock(monkeypatch):
    # Epochs of 4 steps, saved after more than 1.5 minutes: after step 2, then the epoch's end
    # counts as saved, then after 6, 8 being an end again.
    saved = saves(9 * [GOOD], 1.5, monkeypatch)
    assert [each["step"] for each in saved] == [2, 6]
    assert saved[0]["sums"] == {"fit": 2.0}


def test_nothing_is_saved_amid_skipped_steps(monkeypatch):
    saved = saves([GOOD, BAD, BAD, GOOD, BAD, GOOD, OVERFLOWN], 0.5, monkeypatch)
    assert [each["step"] for each in saved] == [1, 6, 7]


@pytest.mark.parametrize("after", [3, 4])
def test_stop_finishes_the_step_and_saves_once(after):
    diary, progress, handed = Diary(stop_after=after), Progress(), []
    script = Script(9 * [GOOD], replace(SGD, save_minutes=0.0))
    with pytest.raises(Failure, match="--resume auto") as stopped:
        handed.extend(epochs(script, range(9), progress, diary))
    assert stopped.value.exit_code == Exit.INTERRUPTED
    assert progress.step == len(diary.steps) == after
    # Steps before are saved since 0 minutes are over; this one once all the same.
    assert [saved["step"] for saved in diary.saved].count(after) == 1
    assert diary.saved[-1]["step"] == after


def test_an_epoch_that_ends_with_a_stop_is_handed_over():
    handed = epochs(Script(9 * [GOOD]), range(9), Progress(), Diary(stop_after=4))
    assert next(handed) == (0, {"fit": 1.0})
    with pytest.raises(Failure, match="stopped as asked"):
        next(handed)


def test_several_processes_stop_at_the_same_step():
    # This one is asked to during step 2. It tells the others with step 3, which all finish.
    diary, script = Diary(stop_after=2), Script([GOOD, GOOD, STOPPED], workers=2)
    with pytest.raises(Failure, match="stopped as asked"):
        list(epochs(script, range(3), Progress(), diary))
    assert [stop for *_, stop in script.asked] == [False, False, True]
    assert [saved["step"] for saved in diary.saved] == [3]
    # Another one is asked to.
    diary = Diary()
    with pytest.raises(Failure, match="stopped as asked"):
        list(epochs(Script([GOOD, STOPPED], workers=2), range(2), Progress(), diary))
    assert [saved["step"] for saved in diary.saved] == [2]


# === Going on ===


def batches(first: int = 0, last: int = 8) -> list[tuple]:
    """x = 1 and 2 with y = 3 x, the first coordinate moving with the step."""
    return [
        batch([x, 2], [3 * x, 6]) for x in np.float32([1 + 0.1 * s for s in range(first, last)])
    ]


@pytest.mark.parametrize(
    ("optimizer", "accumulation"), [("sgd", 2), ("adam", 2), ("adamw", 2), ("adam", 1)]
)
def test_stop_and_go_on_is_the_same_run(optimizer, accumulation):
    settings = Training(
        epochs=2,
        batch_size=2,
        accumulation=accumulation,
        optimizer=optimizer,
        learning_rate=0.1,
        weight_decay=0.1,
        schedule="cosine",
        ema=0.9,
    )
    whole = make(settings)
    expected = list(epochs(whole, batches(), Progress(), Diary()))

    first, diary = make(settings), Diary(stop_after=3)
    with pytest.raises(Failure):
        list(epochs(first, batches(), Progress(), diary))
    assert [saved["step"] for saved in diary.saved] == [3]

    second = make(settings)
    second.restore(first.arrays())
    rest = epochs(second, batches(3), Progress(**diary.saved[0]), Diary())
    assert list(rest) == expected
    assert_same(second.arrays(), whole.arrays())
