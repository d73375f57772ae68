"""What drawing a data folder takes, whoever's layout it has: refusals, processes, and drawing
aside and renaming."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aifashion.datasets.folders import MARK
from aifashion.datasets.processes import no_main
from aifashion.errors import Exit, Failure

SMALLEST = 64
MANY = 200  # pictures from which starting processes, half a second each, is worth it


@contextmanager
def drawing(folder: Path, splits: tuple[str, ...], asked: dict[str, int]) -> Iterator[Path]:
    """Gives an empty folder to draw the splits into; afterwards they replace the drawn ones.

    Args:
        folder: where they go; what else a person put there stays.
        splits: the folders to draw.
        asked: the caller's numbers images, test_images, seed and size, which the mark keeps.

    Raises:
        Failure: USAGE where a number is out of range, or the folder holds data not drawn here.
    """
    folder = folder.resolve()
    _check(folder, asked)
    aside = folder.with_name(f".{folder.name}.drawing")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    (aside / MARK).write_text(json.dumps({"drawn_by": "aifashion", **asked}, indent=2) + "\n")
    folder.mkdir(exist_ok=True)
    for name in (*splits, MARK):
        shutil.rmtree(folder / name, ignore_errors=True)
        (aside / name).replace(folder / name)
    aside.rmdir()


def _check(folder: Path, asked: dict[str, int]) -> None:
    for name, value in asked.items():
        lowest = SMALLEST if name == "size" else 0
        if value < lowest:
            raise Failure(
                Exit.USAGE, f"{name}: {value} is too small. Give a whole number from {lowest} on."
            )
    foreign = folder.is_dir() and not (folder / MARK).exists() and any(folder.iterdir())
    if folder.is_file() or foreign:
        raise Failure(
            Exit.USAGE,
            f"{folder}: is or holds something that was not drawn (no {MARK}). Name another folder.",
        )


def write_each(write: Callable[[Any], Any], jobs: list, processes: int | None) -> list:
    """What `write` gives for each job, in order.

    Args:
        write: a module's function or a partial of one; new processes get it.
        processes: how many to work with; None takes one a core where the jobs are many.
    """
    if processes is None:
        processes = (os.cpu_count() or 1) if len(jobs) >= MANY else 1
    if processes == 1:
        return [write(job) for job in jobs]
    # Not fork: the parent may hold TensorFlow's threads.
    context = multiprocessing.get_context("spawn")
    threads = {"initializer": cv2.setNumThreads, "initargs": (1,)}
    with no_main(), ProcessPoolExecutor(processes, context, **threads) as pool:
        return list(pool.map(write, jobs, chunksize=16))


def jpeg(image: np.ndarray, rng: np.random.Generator) -> bytes:
    """A picture (H, W, 3) uint8 RGB as a JPEG of some quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], quality)
    return encoded.tobytes()
