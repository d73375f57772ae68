"""Where a training stands, beside its arrays: what a checkpoint's state holds."""

import math
from dataclasses import dataclass


@dataclass
class Progress:
    """Where the loop stands; plain numbers, which a checkpoint keeps as JSON."""

    step: int = 0  # batches gone through, which is where the data stand
    sums: dict[str, float] | None = None  # of each loss term over the epoch's updates so far
    updates: int = 0  # made in the epoch so far
    skipped: int = 0  # steps without an update, since a loss or a gradient was not finite
    skipped_in_a_row: int = 0
    is_halved: bool = False  # the learning rate, after a return to a checkpoint
    drops: int = 0  # of the learning rate, by the plateau schedule
    best_loss: float = math.inf  # of validation, followed by the plateau schedule
    stale_losses: int = 0  # epochs since
    best_score: float = math.inf  # of validation, lower is better
    stale_scores: int = 0  # epochs since
    is_ended: bool = False  # before the last epoch, by the schedule

    def add(self, losses: dict[str, float]) -> None:
        """Takes note of an update's loss terms."""
        sums = self.sums or dict.fromkeys(losses, 0.0)
        self.sums = {name: sums[name] + value for name, value in losses.items()}
        self.updates += 1
        self.skipped_in_a_row = 0

    def end_epoch(self) -> dict[str, float]:
        """The mean of each loss term over the epoch's updates; {} where there was none."""
        sums, updates = self.sums or {}, self.updates
        self.sums, self.updates = None, 0
        return {name: total / updates for name, total in sums.items()}


@dataclass
class LossScale:
    """What a loss is multiplied by in float16, so that small gradients do not vanish.

    Micikevicius et al., "Mixed Precision Training", ICLR 2018: halved where a gradient overflows,
    doubled after so many updates without.
    """

    scale: float = 1.0  # of other precisions: never changed
    updates: int = 0  # since it last changed
    double_after: int = 2000

    FIRST = 2.0**15
    LOWEST = 2.0  # where a gradient overflows still, it is no matter of the scale

    def follow(self, is_finite: bool) -> bool:
        """Takes note of a step; whether an overflow explains that it was not finite."""
        if self.scale == 1.0:
            return False
        if not is_finite:
            is_reason = self.scale > self.LOWEST
            self.scale, self.updates = max(self.scale / 2, self.LOWEST), 0
            return is_reason
        self.updates += 1
        if self.updates == self.double_after:
            self.scale, self.updates = self.scale * 2, 0
        return False
