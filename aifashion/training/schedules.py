"""Learning rates: of a step by a stock Keras schedule, of an epoch by what validation says."""

from collections.abc import Callable

import keras

from aifashion.training.config import Training
from aifashion.training.progress import Progress


def make_schedule(training: Training, steps_per_epoch: int) -> Callable:
    """The learning rate of a step (a tensor, counted from 0), before any drop of a plateau."""
    rate = training.learning_rate
    if training.schedule == "cosine":
        return _cosine(training, steps_per_epoch)
    if training.schedule == "step" and training.milestones:
        # Keras counts a boundary to the values before it.
        boundaries = [epoch * steps_per_epoch - 1 for epoch in training.milestones]
        rates = [rate * training.drop**n for n in range(len(boundaries) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
    return lambda step: rate


def _cosine(training: Training, steps_per_epoch: int) -> Callable:
    rate, warmup = training.learning_rate, round(training.warmup * steps_per_epoch)
    total = training.epochs * steps_per_epoch
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        decay_steps=max(1, total - warmup),
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


def follow_plateau(training: Training, progress: Progress, loss: float) -> bool:
    """Takes note of an epoch's validation loss; whether training should end.

    The rule of the published per-garment system: an epoch whose loss is not above the best one
    improves; `plateau` epochs in a row that do not, and the rate drops; where it would drop below
    `lowest` of the first rate, training ends.
    """
    if loss <= progress.best_loss:
        progress.best_loss, progress.stale_losses = loss, 0
        return False
    progress.stale_losses += 1
    if progress.stale_losses < training.plateau:
        return False
    progress.stale_losses, progress.drops = 0, progress.drops + 1
    return training.drop**progress.drops < training.lowest * (1 - 1e-9)


def follow_score(progress: Progress, score: float | None) -> bool:
    """Takes note of an epoch's score (lower is better); whether it is the best so far.

    An epoch without a score changes nothing.
    """
    if score is None:
        return False
    if score < progress.best_score:
        progress.best_score, progress.stale_scores = score, 0
        return True
    progress.stale_scores += 1
    return False


def is_out_of_patience(training: Training, progress: Progress) -> bool:
    """Whether `patience` epochs have gone by without a better score."""
    return training.patience is not None and progress.stale_scores >= training.patience
