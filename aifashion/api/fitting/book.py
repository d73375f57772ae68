"""What is written down while a run trains: scores, logs, checkpoints and the best weights."""

import time
from dataclasses import asdict

import numpy as np

from aifashion import checkpoints, runs, training
from aifashion.api.fitting.extras import Extras
from aifashion.errors import Exit, Failure
from aifashion.progress import TrainingProgress, loss_text, warn

FAILED_SAVES_AT_MOST = 2  # in a row; the disk may have room again at the next


class Book:
    """Keeps a run's records. Of several processes that train together the chief alone writes."""

    def __init__(
        self, run: runs.Run, trainer: training.Trainer, bar: TrainingProgress, extras: Extras
    ):
        self.run, self.trainer, self.bar, self.extras = run, trainer, bar, extras
        self.writes = trainer.cluster.is_chief
        self.failed_saves = 0
        self.began = time.perf_counter()

    def end_epoch(self, epoch: int, progress: training.Progress, losses: dict, score: dict) -> None:
        """Logs and saves; the logs come first, since resuming cuts them back.

        Amid steps that are not finite nothing is saved, so that what to go back to stays.
        """
        seconds = time.perf_counter() - self.began
        ne = score["ne_percent"]
        is_best = not progress.skipped_in_a_row and training.follow_score(progress, ne)
        row = {
            "epoch": epoch + 1,
            "step": progress.step,
            "learning_rate": self.trainer.learning_rate,
            "loss": sum(losses.values()) if losses else None,
            **losses,
            **score.get("losses", {}),
            "val_ne_percent": ne,
            "val_swap_rate": score["swap_rate"],
            "val_skipped": score["skipped"],
            "skipped_steps": progress.skipped,
            "seconds": round(seconds, 2),
            "waiting_share": round(self.bar.waiting_share, 3),
            "val": score,
        }
        if self.writes:
            runs.append_history(self.run, row)
            runs.append_val_log(self.run, progress.step, score)
            self.extras.end_epoch(row)
            if is_best:
                self._try(self._save_best, progress.step, score)
        if not progress.skipped_in_a_row:
            self.save(progress)
        loss = "unknown" if row["loss"] is None else loss_text(row["loss"])
        mark = "  best so far" if is_best else ""
        self.bar.line(
            f"epoch {epoch + 1}: loss {loss}  val NE {_percent(ne)}  {seconds:.0f} s{mark}"
        )
        self.began = time.perf_counter()

    def check_finite(self) -> None:
        """Raises training.Diverged where a weight, average or slot of the optimizer is not finite.

        Finite gradients and a high rate make such, and losses alone do not show them all.
        """
        if not _are_finite(self.trainer.arrays()):
            raise training.Diverged

    def save(self, progress: training.Progress) -> None:
        """Writes a checkpoint of everything, if all of it is finite.

        Training goes on where the disk refuses, which is said.

        Raises:
            Failure: ENVIRONMENT where it refused several times in a row.
        """
        if not self.writes:
            return
        arrays = self.trainer.arrays()
        if _are_finite(arrays):
            self._try(self._write, progress, arrays)

    def save_now(self, progress: training.Progress) -> None:
        """`save`, but a disk that refuses is a Failure at once."""
        self._write(progress, self.trainer.arrays())

    def _write(self, progress: training.Progress, arrays: training.Groups) -> None:
        state = {
            "epoch": progress.step // self.trainer.steps_per_epoch,
            "seed": self.run.asked.seed,
            "steps_per_epoch": self.trainer.steps_per_epoch,
            "progress": asdict(progress),
            "loss_scale": asdict(self.trainer.loss_scale),
        }
        checkpoints.save(self.run.checkpoints, progress.step, arrays, state)

    def _save_best(self, step: int, score: dict) -> None:
        with self.trainer.averaged() as network:
            groups = {"weights": training.weights_of(network)}
        checkpoints.save(self.run.best, step, groups, {"score": score}, keep=1)

    def _try(self, save, *arguments) -> None:
        try:
            save(*arguments)
            self.failed_saves = 0
        except Failure as failure:
            self.failed_saves += 1
            if failure.exit_code != Exit.ENVIRONMENT or self.failed_saves > FAILED_SAVES_AT_MOST:
                raise
            warn(f"{failure} Training goes on; the last checkpoint stands.")


def _are_finite(groups: dict[str, dict[str, np.ndarray]]) -> bool:
    return all(np.isfinite(array).all() for named in groups.values() for array in named.values())


def _percent(ne: float | None) -> str:
    return "unknown" if ne is None else f"{ne:.2f} %"
