"""What is written beside a run's own records where it was asked for: --tensorboard, --profile."""

from collections.abc import Iterable

from aifashion import runs, training
from aifashion.api.fitting.start import TrainOptions
from aifashion.progress import TrainingProgress


class Extras:
    """Summaries and a profile; nothing where neither was asked for, or another process writes."""

    def __init__(
        self,
        run: runs.Run,
        options: TrainOptions,
        trainer: training.Trainer,
        bar: TrainingProgress,
    ):
        self.folder, self.trainer, self.bar = run.folder / "tensorboard", trainer, bar
        self.writes = trainer.cluster.is_chief
        self.has_summaries = options.tensorboard and self.writes
        self.summaries: training.Summaries | None = None
        self.profile = training.Profile(run.folder) if options.profile and self.writes else None

    def begin(self, batches: Iterable, steps: range) -> Iterable:
        """Passes on the batches of the steps ahead; what was written of these before is cut off."""
        self.close()
        if self.writes:
            training.cut_back(self.folder, steps.start)
        if self.has_summaries:
            self.summaries = training.Summaries(self.folder)
        if self.profile is None:
            return batches
        return self.profile.feed(batches, steps, self.trainer.steps_per_epoch)

    def on_step(self, step: int, outcome: training.Outcome, timing: training.Timing) -> None:
        """Takes note of a step."""
        if self.summaries is not None:
            self.summaries.step(step, outcome.losses)
        found = self.profile and self.profile.on_step(step, timing)
        for line in found.splitlines() if found else ():
            self.bar.line(line)

    def end_epoch(self, row: dict) -> None:
        """Takes note of an epoch's row of the history."""
        if self.summaries is not None:
            self.summaries.epoch(row)

    def close(self) -> None:
        """Writes what is left."""
        if self.summaries is not None:
            self.summaries.close()
            self.summaries = None
