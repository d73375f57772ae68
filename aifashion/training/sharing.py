"""Which rows of a batch each replica computes, part by part.

A batch is cut into parts first and each part into the replicas' rows, so that one and several
replicas add up the same parts. Where rows do not divide evenly some replicas have one row less.
None may be without any: Keras' layers do not compute on nothing (measured: collectives of different
shapes meet, and TensorFlow aborts).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from aifashion.errors import Exit, Failure, one_line
from aifashion.training.devices import Cluster


@dataclass(frozen=True)
class Sharing:
    """How batches of so many rows are computed by a cluster, in so many parts."""

    cluster: Cluster
    batch_size: int  # over all processes
    parts: int = 1

    def __post_init__(self):
        if self.batch_size // self.parts < self.cluster.replicas:
            raise Failure(
                Exit.USAGE,
                f"--batch-size {self.batch_size} in {self.parts} parts leaves some of "
                f"{self.cluster.replicas} devices without a picture. Raise it to "
                f"{self.cluster.replicas * self.parts} at least, or use fewer devices (--gpu).",
            )

    @property
    def own_rows(self) -> np.ndarray:
        """The rows of a batch that this process needs, in the order it wants them."""
        own = self.cluster.own_replicas
        rows = [np.r_[self._rows(part, replica)] for part in range(self.parts) for replica in own]
        return np.concatenate(rows)

    def split(self, batch: tuple) -> Iterator[tuple[float, tuple]]:
        """(share of the batch, its rows by replica) of each part of this process's rows."""
        if self.parts == 1 and self.cluster.replicas == 1:
            yield 1.0, batch
            return
        start = 0
        for part in range(self.parts):
            places = {}
            for replica in self.cluster.own_replicas:
                rows = self._rows(part, replica)
                places[replica] = slice(start, start + rows.stop - rows.start)
                start = places[replica].stop
            whole = _part(slice(0, self.batch_size), self.parts, part)
            yield (
                (whole.stop - whole.start) / self.batch_size,
                self.cluster.per_replica(lambda replica, at=places: _rows_of(batch, at[replica])),
            )

    def _rows(self, part: int, replica: int) -> slice:
        whole = _part(slice(0, self.batch_size), self.parts, part)
        return _part(whole, self.cluster.replicas, replica)

    def finer(self, error: Exception) -> "Sharing":
        """Twice as many parts.

        Raises:
            Failure: ENVIRONMENT where a part is one row a replica, or with several processes.
        """
        parts = min(2 * self.parts, self.batch_size // self.cluster.replicas)
        alone = self.cluster.workers == 1  # others could not be told which rows they now have
        if parts == self.parts or not alone:
            raise Failure(
                Exit.ENVIRONMENT,
                f"out of memory with {self.parts} parts of a batch of {self.batch_size} "
                f"({one_line(error)}). Lower --batch-size, raise training.accumulation, or "
                "--set training.precision=bfloat16.",
            ) from None
        return Sharing(self.cluster, self.batch_size, parts)


def _part(rows: slice, count: int, number: int) -> slice:
    """The number-th of `count` runs of rows, the first ones longer where they do not divide."""
    size, longer = divmod(rows.stop - rows.start, count)
    start = rows.start + number * size + min(number, longer)
    return slice(start, start + size + (number < longer))


def _rows_of(batch: tuple, rows: slice) -> tuple:
    return tf.nest.map_structure(lambda tensor: tf.convert_to_tensor(tensor)[rows], batch)
