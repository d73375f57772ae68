"""Learning rates of steps, and what follows from validation at the end of an epoch."""

import math

import pytest
from numpy.testing import assert_allclose

from aifashion.training import (
    Progress,
    Training,
    follow_plateau,
    follow_score,
    is_out_of_patience,
    make_schedule,
)

STEPS = 4  # of an epoch


def rates(training: Training, steps) -> list[float]:
    schedule = make_schedule(training, STEPS)
    return [float(schedule(step)) for step in steps]


# === Of a step ===


def test_constant():
    assert rates(Training(learning_rate=0.1), (0, 1, 10**6)) == [0.1, 0.1, 0.1]


def test_step_without_milestones_is_constant():
    assert rates(Training(learning_rate=0.1, schedule="step"), (0, 100)) == [0.1, 0.1]


def test_step_drops_with_the_first_step_after_a_milestone():
    settings = Training(learning_rate=1.0, schedule="step", milestones=(1, 3), drop=0.5)
    # Epochs of 4 steps: the first is steps 0 to 3, the third ends with step 11.
    assert rates(settings, range(14)) == 4 * [1.0] + 8 * [0.5] + 2 * [0.25]


def test_cosine_falls_to_nothing():
    # 2 epochs of 4 steps: half of it in the middle, and (1 + cos 45°) / 2 a quarter of the way.
    settings = Training(epochs=2, learning_rate=0.1, schedule="cosine")
    expected = [0.1, 0.1 * (1 + math.sqrt(0.5)) / 2, 0.05, 0, 0]
    assert_allclose(rates(settings, (0, 2, 4, 8, 9)), expected, atol=1e-8)


def test_cosine_rises_first():
    # 2 epochs of 4 steps, 1 epoch of warm-up: 0 at first, the full rate after 4 steps, half of it
    # after 6, nothing after 8.
    settings = Training(epochs=2, learning_rate=0.1, schedule="cosine", warmup=1.0)
    assert_allclose(rates(settings, (0, 2, 4, 6, 8)), [0, 0.05, 0.1, 0.05, 0], atol=1e-8)


def test_warm_up_of_half_an_epoch():
    settings = Training(epochs=2, learning_rate=0.1, schedule="cosine", warmup=0.5)
    assert_allclose(rates(settings, (0, 1, 2, 5, 8)), [0, 0.05, 0.1, 0.05, 0], atol=1e-8)


# === Of an epoch ===


def plateau(losses: list[float], settings: Training) -> tuple[list[int], Progress]:
    """The drops after each epoch up to the one that ends training, and where it then stands."""
    progress, drops = Progress(), []
    for loss in losses:
        ends = follow_plateau(settings, progress, loss)
        drops.append(progress.drops)
        if ends:
            break
    return drops, progress


def test_the_published_plateau():
    # 1e-3, 1e-4, 1e-5, then the end, each after 3 epochs in a row above the best.
    settings = Training(learning_rate=1e-3, schedule="plateau")
    losses = [
        5, 4, 4,  # equal improves, so that nothing is stale here
        6, 6, 4,  # and the count begins anew after two
        5, 5, 5,  # the first drop
        4.5, 4.1, 7,  # above the best all the same: the second
        3, 3.1, 3.1, 3.1,  # better once, then the third, below a hundredth: the end
        1, 1,  # which nobody computes
    ]  # fmt: skip
    drops, progress = plateau(losses, settings)
    assert drops == 8 * [0] + 3 * [1] + 4 * [2] + [3]
    assert_allclose([1e-3 * settings.drop**n for n in range(3)], [1e-3, 1e-4, 1e-5])
    assert (progress.best_loss, progress.stale_losses) == (3, 0)


def test_the_lowest_rate_is_still_used():
    # Halves: 1, 1/2, 1/4 is the lowest and is reached; 1/8 is not.
    settings = Training(schedule="plateau", plateau=1, drop=0.5, lowest=0.25)
    assert plateau([1, 2, 2, 2, 2, 2], settings)[0] == [0, 1, 2, 3]


def test_a_loss_that_is_not_a_number_is_no_improvement():
    settings = Training(schedule="plateau", plateau=2)
    drops, progress = plateau([math.nan, math.nan, 1.0, math.nan], settings)
    assert drops == [0, 1, 1, 1]
    assert (progress.best_loss, progress.stale_losses) == (1.0, 1)


def test_best_scores():
    progress = Progress()
    best = [follow_score(progress, score) for score in (5.0, 5.0, None, 4.0, 4.5)]
    assert best == [True, False, False, True, False]
    assert (progress.best_score, progress.stale_scores) == (4.0, 1)


@pytest.mark.parametrize(("patience", "lasts"), [(None, 9), (1, 3), (3, 8)])
def test_patience(patience, lasts):
    settings, progress, epochs = Training(patience=patience), Progress(), 0
    for score in (5.0, 4.0, 4.0, 4.1, 3.0, 3.1, 3.1, 3.1, 3.1):
        if is_out_of_patience(settings, progress):
            break
        follow_score(progress, score)
        epochs += 1
    assert epochs == lasts


def test_patience_of_a_run_that_has_no_score_yet():
    assert not is_out_of_patience(Training(patience=1), Progress())


def test_an_epoch_without_a_score_costs_no_patience():
    settings, progress = Training(patience=1), Progress()
    assert not any(follow_score(progress, None) for _ in range(3))
    assert not is_out_of_patience(settings, progress)
