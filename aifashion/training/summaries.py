"""Scalars for TensorBoard: the losses of every step, and every number of an epoch's row.

Event files are records one after the other: the payload's length (8 bytes) and its checksum (4),
the payload, an Event of some step, and its checksum (4).
"""

import importlib.util
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf
from tensorflow.core.util.event_pb2 import Event

from aifashion.errors import Exit, Failure, one_line
from aifashion.files import replace_file
from aifashion.progress import warn


def check_tensorboard() -> None:
    """Raises Failure (ENVIRONMENT) without the package, which TensorFlow's summaries need."""
    if importlib.util.find_spec("tensorboard") is None:
        raise Failure(
            Exit.ENVIRONMENT,
            "--tensorboard: the package tensorboard is not installed. pip install "
            "'aifashion[tensorboard]', or leave the flag out.",
        )


class Summaries:
    """Writes a folder that TensorBoard opens. A disk that refuses is told of once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.has_told = False
        self.writer = tf.summary.create_file_writer(str(folder))

    def step(self, step: int, losses: dict[str, float]) -> None:
        """A step's loss terms as `step/<term>`, and their sum."""
        with self._at(step):
            for name, value in {**losses, "loss": sum(losses.values())}.items():
                tf.summary.scalar(f"step/{name}", value)

    def epoch(self, row: dict) -> None:
        """An epoch's row of the history at its step; the disk has it then."""
        with self._at(row["step"]):
            for name, value in scalars(row).items():
                tf.summary.scalar(name, value)
            self.writer.flush()

    def close(self) -> None:
        """Writes what is left; nothing can be written afterwards."""
        with self._at(0):
            self.writer.close()

    @contextmanager
    def _at(self, step: int) -> Iterator[None]:
        try:
            with self.writer.as_default(step):
                yield
        except (tf.errors.OpError, OSError) as error:
            if not self.has_told:
                warn(f"{self.folder}: not written ({one_line(error)}). Training goes on.")
            self.has_told = True


def scalars(row: dict) -> dict[str, float]:
    """The numbers of an epoch's row: `epoch/<column>`, and `val_ne_percent/<category>`."""
    columns = {name: value for name, value in row.items() if name not in ("epoch", "step")}
    categories = row.get("val", {}).get("per_category", {})
    named = {f"epoch/{name}": value for name, value in columns.items()}
    named |= {f"val_ne_percent/{name}": value for name, value in categories.items()}
    return {name: float(v) for name, v in named.items() if isinstance(v, int | float)}


def cut_back(folder: Path, step: int) -> None:
    """Takes what was written after a step out of a folder's event files, if there are any.

    TensorBoard would show it twice once these steps are trained again.
    """
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        kept = b"".join(record for record, event in _records(data) if event.step <= step)
        if kept != data:
            replace_file(path, kept)


def _records(data: bytes) -> Iterator[tuple[bytes, Event]]:
    """Each record as it stands, and its event; a last one that was not finished is left out."""
    start = 0
    while start + 12 <= len(data):
        end = start + 16 + struct.unpack_from("<Q", data, start)[0]
        if end > len(data):
            return
        yield data[start:end], Event.FromString(data[start + 12 : end - 4])
        start = end
