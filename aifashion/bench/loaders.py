"""Ways to feed a network, of one interface: `load(steps)` yields the batches of these steps.

Ours stands beside what people build without it; where these leave work out, they gain by it.
"""

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from ctypes import c_ubyte
from dataclasses import dataclass
from functools import partial
from multiprocessing.reduction import ForkingPickler

import cv2
import numpy as np
import tensorflow as tf

from aifashion import affine, images
from aifashion.bench.rounds import Figure, compare
from aifashion.progress import quiet_start
from aifashion.recipes import Augmentation
from pipelines import augment
from pipelines import keypoints as pipeline

Batch = dict[str, np.ndarray]
Load = Callable[[range], Iterable]


@dataclass(frozen=True)
class Job:
    """What every loader is asked for."""

    source: pipeline.Source
    order: pipeline.Order
    augmentation: Augmentation
    processes: int  # of those that use some; a pipeline in threads has its own default


# === Measuring ===

PLAIN = "processes, shared memory, cv2 as it comes"
PICKLES = "processes, pickles, heat maps on the host"
DECODING = "tf.data, decoding alone"
TARGETS = {PLAIN: 1.0, PICKLES: 2.0, DECODING: 0.35}
WARM_UP = 8  # batches until every worker is at work and its memory its own


def figures(job: Job, rounds: int, batches: int = 40) -> list[Figure]:
    """Samples a second of every loader whose consumer does nothing else, and bytes a sample."""
    batch = job.order.batch_size
    topic = (
        f"input pipeline, {job.source.frame[0]} px, batches of {batch}, {job.processes} processes"
    )
    with ExitStack() as stack:
        with quiet_start():  # new processes keep the error stream they were born with
            plain = stack.enter_context(shared_memory(job, _use_plain_cv2))
            share = stack.enter_context(shared_memory(job))
            pickles = stack.enter_context(pickling(job))
            for load in (plain, share, pickles):
                list(load(range(2 * job.processes)))
        loads = {
            "ours": partial(ours, job),
            PLAIN: plain,
            "processes, shared memory, our functions": share,
            "the same, handed over as tensors": lambda steps: map(_as_tensors, share(steps)),
            PICKLES: pickles,
            DECODING: partial(decoding, job),
        }
        measures = {name: partial(_speed, load, batches, batch) for name, load in loads.items()}
        speeds = compare(topic, "samples/s", measures, rounds, TARGETS)
    crossing = {
        "ours": bytes_per_sample(next(iter(ours(job, range(1))))),
        PICKLES: pickled_bytes_per_sample(job),
    }
    return speeds + [
        Figure("bytes a sample to the consumer", name, "kB", (count / 1000,))
        for name, count in crossing.items()
    ]


def _speed(load: Load, batches: int, batch_size: int) -> float:
    """Samples a second once the loader is under way."""
    iterator = iter(load(range(WARM_UP + batches)))
    for _ in range(WARM_UP):
        next(iterator)
    began = time.perf_counter()
    count = sum(1 for _ in iterator)
    seconds = time.perf_counter() - began
    assert count == batches, f"{count} batches of {batches}"
    return count * batch_size / seconds


def _as_tensors(batch: Batch) -> dict:
    return {name: tf.constant(array) for name, array in batch.items()}


# === Ours, and its bound ===


def ours(job: Job, steps: range) -> tf.data.Dataset:
    """The pipeline training uses: (inputs, targets)."""
    return pipeline.training(job.source, job.order, job.augmentation, steps)


def decoding(job: Job, steps: range) -> tf.data.Dataset:
    """Decoding alone in tf.data, whole batches (B, S, S, 3): what no pipeline can be faster than.

    A picture, of at most S x S pixels, stands in the corner of its canvas.
    """
    (width, height), rows = job.source.frame, job.order.batch_size

    def read(step: int) -> np.ndarray:
        batch = np.empty((rows, height, width, 3), np.uint8)
        for row, record in enumerate(job.order.batch(int(step))[1]):
            picture = images.read(job.source.records[record].path)
            batch[row, : picture.shape[0], : picture.shape[1]] = picture
        return batch

    def call(step):
        return tf.numpy_function(read, [step], tf.uint8)

    cv2.setNumThreads(1)
    dataset = tf.data.Dataset.range(steps.start, steps.stop)
    return pipeline.without_autotuning(
        dataset.map(call, pipeline.default_workers(), deterministic=True)
    )


def bytes_per_sample(batch) -> float:
    """What of a batch (arrays or tensors, nested) crosses to the consumer."""
    parts = tf.nest.flatten(batch)
    return sum(np.asarray(part).nbytes for part in parts) / len(parts[0])


# === Processes with shared memory ===

SLOTS_A_PROCESS = 3  # one being filled, one ready, one with the consumer
_worker = {}  # in a worker process: its job and its view of the slots


@contextmanager
def shared_memory(job: Job, prepare: Callable[[], None] | None = None) -> Iterator[Load]:
    """Processes that do just what ours does, into slots of memory the consumer sees too.

    A batch is a dict of all its arrays; its slot is filled anew once the next one is asked for.

    Args:
        prepare: what each process calls first.
    """
    inputs, targets = ours(job, range(1)).element_spec
    like = {
        name: np.empty(spec.shape, spec.dtype.as_numpy_dtype)
        for name, spec in (inputs | targets).items()
    }
    count = SLOTS_A_PROCESS * job.processes
    context = multiprocessing.get_context("spawn")  # not fork: TensorFlow's threads live here
    memory = context.RawArray(c_ubyte, count * _slot_bytes(like))
    with ProcessPoolExecutor(job.processes, context, _attach, (job, memory, like, prepare)) as pool:
        yield partial(_ordered, pool, _slots(memory, like))


def _ordered(pool: ProcessPoolExecutor, slots: list[Batch], steps: range) -> Iterator[Batch]:
    """Keeps every slot busy; slots come back in the order they were handed out."""
    ahead = deque()
    for place, step in enumerate(steps):
        if len(ahead) == len(slots):
            yield slots[ahead.popleft().result()]
        ahead.append(pool.submit(_fill, step, place % len(slots)))
    while ahead:
        yield slots[ahead.popleft().result()]


def _attach(job: Job, memory, like: Batch, prepare: Callable[[], None] | None) -> None:
    cv2.setNumThreads(1)
    if prepare is not None:
        prepare()
    _worker.update(job=job, slots=_slots(memory, like))


def _fill(step: int, slot: int) -> int:
    job = _worker["job"]
    pipeline.fill_training(job.source, job.order, job.augmentation, step, _worker["slots"][slot])
    return slot


def _use_plain_cv2() -> None:
    """In this process, what one would write first: the file read and decoded in one call, no look
    at its header, three channels, the colours last."""
    images.read = lambda path: cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    images.warp = _plain_warp


def _plain_warp(picture, matrix, size, colours, out) -> np.ndarray:
    indexed = matrix.copy()
    indexed[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5
    warped = cv2.warpAffine(picture, indexed, size, borderValue=(images.GREY,) * 3)
    return cv2.transform(warped, colours, dst=out)


def _slots(memory, like: Batch) -> list[Batch]:
    """Cuts memory into batches of arrays like these, one after the other."""
    flat = np.frombuffer(memory, np.uint8)
    slots = []
    for start in range(0, len(flat), _slot_bytes(like)):
        slot = {}
        for name, array in like.items():
            slot[name] = flat[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
            start += _aligned(array.nbytes)
        slots.append(slot)
    return slots


def _slot_bytes(like: Batch) -> int:
    return sum(_aligned(array.nbytes) for array in like.values())


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


# === Processes that send pickles ===


@contextmanager
def pickling(job: Job) -> Iterator[Load]:
    """The usual loader: cv2 as it comes, heat maps made on the host, batches sent as pickles.

    No colours, no blur, no erasing. Pictures stay uint8, though many loaders send float32.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(job.processes, _remember, (job,)) as pool:
        yield lambda steps: pool.imap(_usual_batch, steps)
        pool.close()
        pool.join()


def pickled_bytes_per_sample(job: Job) -> float:
    """What crosses from process to process for each sample of the usual loader."""
    _remember(job)
    return ForkingPickler.dumps(_usual_batch(0)).nbytes / job.order.batch_size


def _remember(job: Job) -> None:
    cv2.setNumThreads(1)
    _worker.update(job=job)


def _usual_batch(step: int) -> Batch:
    job = _worker["job"]
    epoch, records = job.order.batch(step)
    changes = augment.draw(job.augmentation, job.source.frame, job.order.seed, epoch, records)
    samples = [
        _usual_sample(job.source, record, changes.matrices[row], changes.mirrored[row])
        for row, record in enumerate(records.tolist())
    ]
    return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}


def _usual_sample(
    source: pipeline.Source, record: int, change: np.ndarray, mirrored: bool
) -> Batch:
    """One picture (S, S, 3) uint8 and its heat maps (S/4, S/4, K) float32."""
    picture = cv2.cvtColor(cv2.imread(str(source.records[record].path)), cv2.COLOR_BGR2RGB)
    matrix = affine.compose(source.way(record, picture), change)
    size = source.frame
    image = cv2.warpAffine(picture, matrix, size, borderValue=(images.GREY,) * 3)
    points, visibility = source.truth(record)
    if mirrored:
        points, visibility = points[source.mirrored], visibility[source.mirrored]
    return {"image": image, "heatmaps": _heatmaps(affine.apply(matrix, points), visibility, size)}


def _heatmaps(points: np.ndarray, visibility: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Gaussians of sigma 2 cells at stride 4, as products of a column and a row."""
    cells = np.arange(size[0] // 4, dtype=np.float32)
    distance = cells - (points[:, :, None] / 4 - 0.5).astype(np.float32)  # (K, 2, cells)
    across, down = np.moveaxis(np.exp(-(distance**2) / 8), 1, 0)
    down = down * (visibility > 0)[:, None]
    return np.einsum("ky,kx->yxk", down, across)
