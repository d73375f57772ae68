"""How a long command shows where it is: a bar on a terminal, plain lines elsewhere."""

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_EVERY = 30.0  # seconds between plain lines


def say(message: str) -> None:
    """One line for the person."""
    print(message, flush=True)


def warn(message: str) -> None:
    """One line for the person, on the error stream."""
    print(f"warning: {message}", file=sys.stderr, flush=True)


@contextmanager
def quiet_start() -> Iterator[None]:
    """Holds back what libraries write to the error stream while they load; shows it if they fail.

    TensorFlow writes a page of C++ notes there that no environment variable stops. A person who
    sets TF_CPP_MIN_LOG_LEVEL=0 gets them.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(kept, notes.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


class TrainingProgress:
    """Loss terms, pictures per second, time left and the share of time spent waiting for data.

    A silent one, of a process whose lines another one says already, only counts.
    """

    def __init__(self, total_steps: int, first_step: int, batch_size: int, silent: bool = False):
        self.total, self.first, self.batch_size = total_steps, first_step, batch_size
        self.silent = silent
        self.began = self.spoke = time.monotonic()
        self.seconds = self.waited = 0.0
        self.bar = self.task = None

    @contextmanager
    def shown(self) -> Iterator["TrainingProgress"]:
        """Shows the bar, where the output is a terminal."""
        console = Console()
        if self.silent or not console.is_terminal:
            yield self
            return
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.description}"), console=console) as bar:
            self.bar, self.task = bar, bar.add_task("", total=self.total, completed=self.first)
            yield self

    def step(self, step: int, losses: dict[str, float], seconds: float, waited: float) -> None:
        """Takes note of one training step that took `seconds`, `waited` of them for data."""
        self.seconds += seconds
        self.waited += waited
        if self.silent:
            return
        text = f"{self._losses(losses)}  {self._speed(step)}"
        if self.bar is not None:
            self.bar.update(self.task, completed=step, description=text)
        elif time.monotonic() - self.spoke > PLAIN_EVERY:
            self.spoke = time.monotonic()
            say(f"step {step}/{self.total}  {text}  {self._left(step)} left")

    def line(self, text: str) -> None:
        """A line that stays, above the bar."""
        if self.bar is not None:
            self.bar.console.print(text, highlight=False)
        elif not self.silent:
            say(text)

    def _losses(self, losses: dict[str, float]) -> str:
        return " ".join(f"{name} {loss_text(value)}" for name, value in losses.items())

    def _speed(self, step: int) -> str:
        rate = (step - self.first) * self.batch_size / max(self.seconds, 1e-9)
        return f"{rate:.0f} img/s  waiting for data {self.waiting_share:.0%}"

    @property
    def waiting_share(self) -> float:
        return self.waited / max(self.seconds, 1e-9)

    def _left(self, step: int) -> str:
        elapsed = time.monotonic() - self.began
        left = elapsed / max(1, step - self.first) * (self.total - step)
        return time.strftime("%H:%M:%S", time.gmtime(left))


def loss_text(loss: float) -> str:
    """A loss for people: three decimals, or where they say little three digits."""
    return f"{loss:.3g}" if 0 < abs(loss) < 0.01 else f"{loss:.3f}"


def track(items: Iterable, total: int, what: str) -> Iterator:
    """Passes items on, showing how many of `total` there have been."""
    console = Console()
    if not console.is_terminal:
        yield from items
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            yield item
            bar.advance(task)
