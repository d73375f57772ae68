"""The loop: batches in, epochs out, and what is done where a step fails.

Generic: it takes a trainer and batches, and knows no task, no files and no clock but its own.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from aifashion.errors import Exit, Failure
from aifashion.training.config import Training
from aifashion.training.progress import Progress
from aifashion.training.trainer import Outcome, Trainer

SKIPPED_AT_MOST = 20  # steps in a row


class Diverged(Exception):
    """Losses or gradients were not finite too many times in a row, or weights are not."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one step."""

    whole: float
    waiting: float  # until the batch was there


@dataclass(frozen=True)
class Watch:
    """What the loop calls while it runs."""

    on_step: Callable[[Progress, Outcome, Timing], None]
    on_skip: Callable[[Progress, Outcome, tuple], None]  # with the batch
    stop_asked: Callable[[], bool]
    save: Callable[[Progress], None]


def epochs(
    trainer: Trainer, batches: Iterable, progress: Progress, watch: Watch
) -> Iterator[tuple[int, dict[str, float]]]:
    """Trains, and hands over (epoch, mean loss terms) at the end of each, counted from 0.

    `batches` begin at `progress.step`. When a stop is asked for, the step under way is finished,
    the state saved, and Failure (INTERRUPTED) raised.

    Raises:
        Diverged: after SKIPPED_AT_MOST steps in a row that were not finite.
        Failure: INTERRUPTED, also where another process is lost; nothing is saved then.
    """
    saved = time.monotonic()
    for batch, waited in _timed(batches):
        began = time.perf_counter()
        rate = rate_factor(trainer.training, progress)
        outcome = trainer.step(batch, progress.step, rate, watch.stop_asked())
        progress.step += 1
        _take_note(progress, outcome, batch, watch)
        watch.on_step(progress, outcome, Timing(waited + time.perf_counter() - began, waited))
        epoch, left = divmod(progress.step, trainer.steps_per_epoch)
        if left == 0:
            yield epoch - 1, progress.end_epoch()
            saved = time.monotonic()
        # One process alone need not wait for a step that tells the others.
        if outcome.stop or (trainer.cluster.workers == 1 and watch.stop_asked()):
            watch.save(progress)
            raise Failure(Exit.INTERRUPTED, "stopped as asked; go on with --resume auto")
        # Amid steps that are not finite nothing is saved that going back should find.
        due = time.monotonic() - saved > 60 * trainer.training.save_minutes
        if due and not progress.skipped_in_a_row:
            watch.save(progress)
            saved = time.monotonic()


def rate_factor(training: Training, progress: Progress) -> float:
    """What the scheduled learning rate is multiplied by: drops of a plateau, a halving."""
    return training.drop**progress.drops * (0.5 if progress.is_halved else 1.0)


def _timed(batches: Iterable) -> Iterator[tuple[tuple, float]]:
    """Each batch and the seconds until it was there."""
    iterator = iter(batches)
    while True:
        began = time.perf_counter()
        batch = next(iterator, None)
        if batch is None:
            return
        yield batch, time.perf_counter() - began


def _take_note(progress: Progress, outcome: Outcome, batch: tuple, watch: Watch) -> None:
    if outcome.is_finite:
        progress.add(outcome.losses)
        return
    progress.skipped += 1
    if outcome.has_overflown:  # the loss scale was too high, which is its way of finding out
        return
    progress.skipped_in_a_row += 1
    watch.on_skip(progress, outcome, batch)
    if progress.skipped_in_a_row >= SKIPPED_AT_MOST:
        raise Diverged
