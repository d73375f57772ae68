"""Keypoint batches: records -> the contract of `aifashion.keypoints`.

A whole batch is assembled by one call into one array, so that nothing is copied between samples
and batch; several calls run at once. cv2 leaves Python's lock while it decodes and warps.
"""

import os
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import cv2
import numpy as np
import tensorflow as tf

from aifashion import affine, images
from aifashion.datasets.schema import ABSENT, KeypointRecord, KeypointSchema, flip_permutation
from aifashion.errors import Failure
from aifashion.keypoints.predict import View
from aifashion.recipes import Augmentation
from pipelines import augment


@dataclass(frozen=True)
class Source:
    """The records of a data set as one network sees them."""

    records: Sequence[KeypointRecord]
    schema: KeypointSchema
    keypoints: tuple[str, ...]  # the network's, K of them
    frame: tuple[int, int]  # width and height of its input
    faults: dict[int, str] = field(default_factory=dict)  # record -> why it could not be read

    def mask(self, record: int) -> np.ndarray:
        """Which of the network's keypoints the record's category has, (K,) float32."""
        return self._masks[self.records[record].category]

    @cached_property
    def _masks(self) -> dict[str, np.ndarray]:
        categories = self.schema.categories
        return {
            name: self.schema.has(name, self.keypoints).astype("float32") for name in categories
        }

    def truth(self, record: int) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (K, 2) in the picture's pixels and visibility (K,), of the network's K."""
        found = self.records[record]
        visibility = np.where(self.mask(record) > 0, found.visibility[self._indices], ABSENT)
        return found.keypoints[self._indices], visibility

    def truths(self, records: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masks (R, K), keypoints (R, K, 2) and visibility (R, K) of several records."""
        truths = [(self.mask(record), *self.truth(record)) for record in records]
        masks, keypoints, visibility = map(np.stack, zip(*truths, strict=True))
        return masks, keypoints, visibility

    @cached_property
    def _indices(self) -> np.ndarray:
        return self.schema.indices(self.keypoints)

    @cached_property
    def mirrored(self) -> np.ndarray:
        """Which keypoint each one becomes in the mirrored picture, (K,) int64."""
        return flip_permutation(self.keypoints)

    def read(self, record: int) -> np.ndarray | None:
        """The picture, or None where it cannot be read; the reason is then among the faults."""
        try:
            return images.read(self.records[record].path)
        except Failure as failure:
            self.faults[record] = str(failure)
            return None

    def way(self, record: int, picture: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """The unaugmented way of a record's picture (H, W, 3) into the input, 2x3.

        Shown is the box asked for, else the record's own with a margin, else all of the picture.
        """
        if box is None:
            return affine.into_frame(picture.shape[1::-1], self.records[record].box, self.frame)
        return affine.fit(box, self.frame)


def source_for(system, records: Sequence[KeypointRecord], schema: KeypointSchema) -> Source:
    """The records as a system's network sees them."""
    return Source(records, schema, system.keypoints, system.frame)


def default_workers() -> int:
    """Batches assembled at once: one a core this process may use, and one while another waits for
    Python's lock (measured on two cores: 3 to 6 % faster)."""
    return len(os.sched_getaffinity(0)) + 1


# === Training ===


@dataclass(frozen=True)
class Order:
    """Which record stands where: a permutation of all records an epoch, drawn from the seed.

    Steps are counted through all epochs, so that a resumed run starts at its step without reading
    what came before. The last, incomplete batch of an epoch is left out.
    """

    records: int
    batch_size: int
    seed: int
    rows: tuple[int, ...] | None = None  # of each batch that are loaded here; None: all of them

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.records // self.batch_size)

    @property
    def loaded(self) -> int:
        """Rows of a batch that are loaded here."""
        return self.batch_size if self.rows is None else len(self.rows)

    def batch(self, step: int) -> tuple[int, np.ndarray]:
        """Epoch and records of a step's loaded rows; they repeat where there are fewer than B."""
        epoch, place = divmod(step, self.steps_per_epoch)
        start = place * self.batch_size
        order = _permutation(self.records, self.seed, epoch)
        batch = np.resize(order[start : start + self.batch_size], self.batch_size)
        return epoch, batch if self.rows is None else batch[list(self.rows)]


@lru_cache(maxsize=4)
def _permutation(records: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(records)


def training(
    source: Source,
    order: Order,
    augmentation: Augmentation | None,
    steps: range,
    workers: int | None = None,
) -> tf.data.Dataset:
    """Batches of these steps: (inputs, targets). A pure function of its arguments.

    A picture that cannot be read becomes grey without any keypoint, which costs no loss, and
    stands among `source.faults`; how many are too many is for the caller to say.
    """

    like = _empty_batch(source, order.loaded)
    pictures = _Recycled(like["image"].shape)

    def load(step: int) -> dict[str, np.ndarray]:
        batch = _empty_batch(source, order.loaded, pictures.take())
        fill_training(source, order, augmentation, step, batch)
        return batch

    return _batches(steps, load, like, (INPUTS, TARGETS), workers)


def fill_training(
    source: Source,
    order: Order,
    augmentation: Augmentation | None,
    step: int,
    batch: dict[str, np.ndarray],
) -> None:
    """Writes the batch of a step into arrays of the contract, whatever they held before."""
    epoch, records = order.batch(step)
    batch["record"][:], batch["seed"][:] = records, augment.seeds(order.seed, epoch, records)
    changes = None
    if augmentation is not None:
        changes = augment.draw(augmentation, source.frame, order.seed, epoch, records)
    ways = [
        _training_picture(source, record, batch["image"][row], changes, row)
        for row, record in enumerate(records.tolist())
    ]
    _training_truth(source, ways, changes, batch)
    if augmentation is not None:
        places = (batch[name] for name in ("image", "keypoints", "visibility"))
        for draws, *place in zip(changes.erasing, *places, strict=True):
            augment.erase(draws, augmentation, *place)


def _training_picture(
    source: Source, record: int, image: np.ndarray, changes: augment.Changes | None, row: int
) -> np.ndarray | None:
    """Puts the record's picture into `image`, and returns its way there, 2x3.

    A picture that cannot be read is grey, and None.
    """
    picture = source.read(record)
    if picture is None:
        image[:] = images.GREY
        return None
    matrix, colours = source.way(record, picture), None
    if changes is not None:
        matrix, colours = affine.compose(matrix, changes.matrices[row]), changes.colours[row]
    images.warp(picture, matrix, source.frame, colours, out=image)
    if changes is not None:
        augment.blur(image, changes.blurs[row])
    return matrix


def _training_truth(
    source: Source, ways: list[np.ndarray | None], changes: augment.Changes | None, batch: dict
) -> None:
    """Fills in masks, keypoints and visibility of the batch's records, shown these ways."""
    masks, points, visibility = source.truths(batch["record"].tolist())
    readable = np.array([way is not None for way in ways])[:, None]
    matrices = np.array([affine.IDENTITY if way is None else way for way in ways])
    points = affine.apply(matrices, points)
    if changes is not None:
        points[changes.mirrored] = points[changes.mirrored][:, source.mirrored]
        visibility[changes.mirrored] = visibility[changes.mirrored][:, source.mirrored]
    inside = ((points >= 0) & (points < source.frame)).all(axis=-1)
    batch["keypoint_mask"][:] = masks * readable
    batch["keypoints"][:] = points * readable[:, :, None]
    batch["visibility"][:] = np.where(inside & readable, visibility, ABSENT)


# === Evaluation ===


def evaluation(
    source: Source,
    batch_size: int,
    views: Sequence[View] = (View(),),
    boxes: np.ndarray | None = None,
    workers: int | None = None,
) -> tf.data.Dataset:
    """Every record in order: (inputs, notes), `batch_size` pictures in every view.

    A batch has batch_size * len(views) rows, the views of a picture next to each other. The last
    batch is filled up with grey rows whose `record` is -1.

    Args:
        boxes: x1, y1, x2, y2 of each record in its pixels, (N, 4): what is shown of the picture;
            None: all of it.
    """
    count, each = len(source.records), len(views)

    def load(step: int) -> dict[str, np.ndarray]:
        batch = _empty_batch(source, batch_size * each)
        first = step * batch_size
        for place, record in enumerate(range(first, min(first + batch_size, count))):
            rows = slice(place * each, (place + 1) * each)
            batch["record"][rows] = record
            box = None if boxes is None else boxes[record]
            _evaluation_sample(source, {name: a[rows] for name, a in batch.items()}, views, box)
        return batch

    steps = range(-(-count // batch_size))
    like = _empty_batch(source, batch_size * each)
    return _batches(steps, load, like, (INPUTS, NOTES), workers)


def _evaluation_sample(
    source: Source, rows: dict, views: Sequence[View], box: np.ndarray | None
) -> None:
    """Fills the rows of one picture, a view each."""
    record = int(rows["record"][0])
    picture = source.read(record)
    if picture is None:
        return
    rows["keypoint_mask"][:] = source.mask(record)
    rows["size"][:] = picture.shape[1::-1]
    width, height = source.frame
    for row, view in enumerate(views):
        change = affine.about((width / 2, height / 2), view.angle, view.scale)
        matrix = affine.compose(source.way(record, picture, box), change)
        images.warp(picture, matrix, source.frame, out=rows["image"][row])
        rows["to_input"][row] = matrix


# === Batches ===

INPUTS = ("image", "keypoint_mask", "record", "seed")
TARGETS = ("keypoints", "visibility")
NOTES = ("to_input", "size")


def _empty_batch(
    source: Source, rows: int, image: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The arrays of one batch, to be filled row by row; an untouched row is grey and absent.

    Args:
        image: the pictures' array, where there is one already, as it is.
    """
    k, (width, height) = len(source.keypoints), source.frame
    if image is None:
        image = np.full((rows, height, width, 3), images.GREY, np.uint8)
    return {
        "image": image,
        "keypoint_mask": np.zeros((rows, k), np.float32),
        "record": np.full(rows, -1, np.int64),
        "seed": np.zeros(rows, np.int32),
        "keypoints": np.zeros((rows, k, 2), np.float32),
        "visibility": np.zeros((rows, k), np.int32),
        "to_input": np.tile(affine.IDENTITY.astype(np.float32), (rows, 1, 1)),
        "size": np.tile(np.array(source.frame, np.int32), (rows, 1)),
    }


class _Recycled:
    """Memory for pictures of one shape, used again as soon as nobody holds it any more.

    It begins where TensorFlow takes memory over as it lies; other arrays it would copy.
    """

    ALIGNMENT = 64

    def __init__(self, shape: tuple[int, ...]):
        self.shape, self.free = shape, []

    def take(self) -> np.ndarray:
        """A uint8 array of whatever content."""
        memory = self.free.pop() if self.free else self._allocate()
        array = memory.view()
        weakref.finalize(array, self.free.append, memory)
        return array

    def _allocate(self) -> np.ndarray:
        size = int(np.prod(self.shape))
        memory = np.empty(size + self.ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % self.ALIGNMENT
        return memory[start : start + size].reshape(self.shape)


def _batches(
    steps: range,
    load: Callable[[int], dict[str, np.ndarray]],
    like: dict[str, np.ndarray],
    parts: tuple[tuple[str, ...], ...],
    workers: int | None,
) -> tf.data.Dataset:
    """Calls `load(step)` for each step, several at once, in order, and nests what it returns.

    Args:
        like: a batch of the same names, dtypes and shapes (numpy_function forgets them).
        parts: the names in each part of the result, (inputs, targets) say.
    """
    cv2.setNumThreads(1)  # the workers are the parallelism; threads below them only get in the way
    names = [name for part in parts for name in part]

    @tf.autograph.experimental.do_not_convert  # else it wraps each call of `arrays`
    def arrays(number):
        batch = load(int(number))
        return [batch[name] for name in names]

    def call(step):
        dtypes = [tf.as_dtype(like[name].dtype) for name in names]
        tensors = dict(zip(names, tf.numpy_function(arrays, [step], dtypes), strict=True))
        for name in names:
            tensors[name].set_shape(like[name].shape)  # costs nothing as it runs
        return tuple({name: tensors[name] for name in part} for part in parts)

    dataset = tf.data.Dataset.range(steps.start, steps.stop)
    dataset = dataset.map(call, workers or default_workers(), deterministic=True)
    return without_autotuning(dataset)


def without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same batches. Where calls of `map` already run ahead of the consumer, and nothing is left
    to tune, tuning and prefetching only add threads to wait for (on two cores: 3 to 5 %)."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
